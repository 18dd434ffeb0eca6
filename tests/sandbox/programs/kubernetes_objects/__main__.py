"""A program that declares what WISH (a JSON file) says: arguments of the provider, and of objects by kind and name."""

import json
import os
from pathlib import Path

import pulumi
import pulumi_kubernetes as kubernetes

wish = json.loads(Path(os.environ["WISH"]).read_text())
provider = kubernetes.Provider("cluster", **wish["provider"])
options = pulumi.ResourceOptions(provider=provider)

namespaces = [
    kubernetes.core.v1.Namespace(name, opts=options, **arguments)
    for name, arguments in wish.get("namespaces", {}).items()
]
within = pulumi.ResourceOptions(provider=provider, depends_on=namespaces)
config_maps = {
    name: kubernetes.core.v1.ConfigMap(name, opts=within, **arguments)
    for name, arguments in wish.get("config_maps", {}).items()
}
for name, arguments in wish.get("secrets", {}).items():
    kubernetes.core.v1.Secret(name, opts=within, **arguments)
# A Secret whose data is known only when its ConfigMap is made.
for name, of in wish.get("secrets_of_uids", {}).items():
    data = {"uid": config_maps[of["source"]].metadata.uid}
    metadata = kubernetes.meta.v1.ObjectMetaArgs(name=name, namespace=of["namespace"])
    kubernetes.core.v1.Secret(name, string_data=data, metadata=metadata, opts=within)
# Objects of any type, by name: {"type": "kubernetes:batch/v1:Job", and its properties as Kubernetes writes them}.
for name, properties in wish.get("objects", {}).items():
    pulumi.CustomResource(properties.pop("type"), name, properties, within)

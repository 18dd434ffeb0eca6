"""A program that declares what WISH (a JSON file) says: arguments of the provider, and of items by resource name."""

import json
import os
from pathlib import Path

import pulumi
import pulumi_onepassword as onepassword

wish = json.loads(Path(os.environ["WISH"]).read_text())
provider = onepassword.Provider("connect", **wish["provider"])
for name, arguments in wish["items"].items():
    known = arguments.pop("import", None)
    item = onepassword.Item(name, **arguments, opts=pulumi.ResourceOptions(provider=provider, import_=known))
    pulumi.export(name, {"id": item.id, "uuid": item.uuid, "password": item.password, "sections": item.sections})

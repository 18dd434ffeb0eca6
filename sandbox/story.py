"""The whole life of four tokens, played with the real CLI against the running sandbox, and told as it goes."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from rotation.clock import from_rfc3339
from sandbox.consumer import Consumer, authentik_accepts, coder_accepts, operator_accepts, vault_accepts
from sandbox.narration import Narrator
from sandbox.world import World

AUTHENTIK, VAULT, CODER, TEAM = "authentik-admin", "vault-admin", "coder-admin", "team-a"
DUE_BECAUSE = {AUTHENTIK: "NearingExpiry", VAULT: "MaximumAge", CODER: "NearingExpiry", TEAM: "NearingExpiry"}
_VERSIONS = "/organizations/{org}/templateversions"
_RECORD = ("keycloak-system", "keycloak-operator-token-metadata-team-a")


@dataclass
class Story:
    """One telling. Raises StoryBrokenError or PulumiFailedError where it goes wrong."""

    world: World
    tell: Narrator
    consumers: dict[str, Consumer]

    def play(self) -> None:
        """From the first run to the destroy."""
        first = self._first_run()
        self._second_run()
        for consumer in self.consumers.values():
            consumer.start()
        self._dry_run()
        second = self._rotation(first)
        self._retirement(first, second)
        self._expiries()
        for consumer in self.consumers.values():
            consumer.stop()
        self._consumers_report()
        self._destroy()

    def _first_run(self) -> dict[str, str]:
        self.tell.chapter("The first run mints and publishes")
        self.tell.shown(self.world.pulumi().up())
        published = {name: consumer.read()["token"] for name, consumer in self.consumers.items()}
        for name, value in published.items():
            self.tell.proved(f"{name}: the value in the Secret works at its backend", self._accepts(name, value))
        builds = self.world.coder().calls()
        self.tell.say("Coder had no user: the run made the first one, logged in, minted, and deployed a template")
        self.tell.proved("the template was built once", builds.get(("POST", _VERSIONS), 0) == 1)
        return published

    def _second_run(self) -> None:
        self.tell.chapter("A second run at once changes nothing")
        before = self._mints()
        finished = self.world.pulumi().up()
        self.tell.shown(finished)
        self.tell.proved("nothing changed", "changes" not in finished.output and "unchanged" in finished.output)
        self.tell.proved("nothing was minted at Authentik or Coder", self._mints() == before)

    def _dry_run(self) -> None:
        self.tell.chapter("The dry run says what will be replaced, and why")
        self._wait_for("rotates", "all tokens reach the age of their rotation")
        before = self._mints()
        finished = self.world.pulumi().preview()
        self.tell.shown(finished)
        for name in self.consumers:
            named = f"token-rotation: {name}: rotate ({DUE_BECAUSE[name]})" in finished.output
            self.tell.proved(f"{name}: the dry run names it with its reason", named)
        self.tell.proved("the dry run minted nothing", self._mints() == before)

    def _rotation(self, first: dict[str, str]) -> dict[str, str]:
        self.tell.chapter("The next run rotates, and old and new both work")
        self.tell.shown(self.world.pulumi().up())
        second = {}
        for name, consumer in self.consumers.items():
            data = consumer.read()
            second[name] = data["token"]
            held = data["token"] != first[name] and data["token-previous"] == first[name]
            self.tell.proved(f"{name}: `token` is new and `token-previous` is the old one", held)
            both = self._accepts(name, data["token"]) and self._accepts(name, data["token-previous"])
            self.tell.proved(f"{name}: its backend accepts both", both)
        return second

    def _retirement(self, first: dict[str, str], second: dict[str, str]) -> None:
        self.tell.chapter("After the overlap the next run retires the old ones")
        self._wait_for("retires", "the overlap is over")
        self.tell.shown(self.world.pulumi().up())
        for name in self.consumers:
            self.tell.proved(f"{name}: the old value is dead at its backend", not self._accepts(name, first[name]))
            self.tell.proved(f"{name}: the new value works", self._accepts(name, second[name]))

    def _expiries(self) -> None:
        self.tell.chapter("The stack's outputs tell every instant")
        self.tell.console.print("   [green]$ pulumi stack output --json[/]")
        for name, facts in self._outputs().items():
            instants = ", ".join(f"{key} {facts[key] or '-'}" for key in ("created", "expires", "rotates", "retires"))
            self.tell.say(f"  {name}: {facts['reason']}; {instants}")

    def _consumers_report(self) -> None:
        for consumer in self.consumers.values():
            told = f"{consumer.name}: its consumer made {consumer.calls} calls with {len(consumer.values_used)} values"
            self.tell.proved(f"{told} and {len(consumer.failures)} failures", not consumer.failures)

    def _destroy(self) -> None:
        self.tell.chapter("Decommission, then destroy: nothing stays alive")
        pulumi = self.world.pulumi()
        last = {name: consumer.read() for name, consumer in self.consumers.items()}
        self.tell.say("all tokens are named in `decommission`, and one run lifts their protection")
        for number, name in enumerate(self.consumers):
            pulumi.run("config", "set", "--path", f"decommission[{number}]", name, "--stack", pulumi.stack)
        pulumi.up()
        self.tell.shown(pulumi.destroy())
        for name, values in last.items():
            dead = not any(self._accepts(name, value) for value in values.values())
            self.tell.proved(f"{name}: every value that was published is dead", dead)
        ours = [token for token in self.world.authentik().live_tokens() if str(token["identifier"]).count("_") == 3]
        ours += [token for token in self.world.coder().live_tokens() if str(token["identifier"]).count("_") == 3]
        self.tell.proved("Authentik and Coder hold no token of ours", not ours)

    def _accepts(self, name: str, value: str) -> bool:
        return self.consumers[name].accepts(value)

    def _mints(self) -> int:
        authentik = self.world.authentik().calls().get(("POST", "/core/tokens/"), 0)
        return authentik + self.world.coder().calls().get(("POST", "/users/{user}/keys/tokens"), 0)

    def _outputs(self) -> dict[str, dict[str, Any]]:
        return dict(self.world.pulumi().outputs()["tokens"])

    def _wait_for(self, instant: str, until: str) -> None:
        """Let real time pass until the last of these instants."""
        due = max(from_rfc3339(facts[instant]) for facts in self._outputs().values() if facts[instant])
        seconds = max(0.0, (due - datetime.now(UTC) + timedelta(seconds=1)).total_seconds())
        self.tell.say(f"waiting {seconds:.0f} s until {until} ...")
        time.sleep(seconds)


def play(world: World) -> None:
    """Tell the story against a world that runs."""
    tell = Narrator()
    with ExitStack() as stack:
        api = stack.enter_context(world.kubernetes.admin_client())
        consumers = {
            AUTHENTIK: Consumer(
                AUTHENTIK, api, "authentik", AUTHENTIK + "-token", authentik_accepts(world.authentik_url)
            ),
            VAULT: Consumer(VAULT, api, "vault", VAULT + "-token", vault_accepts(world.vault.url)),
            CODER: Consumer(CODER, api, "coder", "coder-admin-api-token", coder_accepts(world.coder_url)),
            TEAM: Consumer(TEAM, api, TEAM, "team-a-operator-token", operator_accepts(api, *_RECORD)),
        }
        Story(world, tell, consumers).play()
    tell.closing_table()

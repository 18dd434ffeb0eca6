"""The protocol as a state machine: any order of acts and faults leaves the server and our book of it in agreement."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule

from rotation.backends.protocol import Order
from rotation.errors import BackendError, Unauthorised, Unavailable
from rotation.model import Minted
from rotation.testing.worlds import World, order_of, raised

Book = dict[str, Minted]


class BackendMachine(RuleBasedStateMachine):
    """Mints, revokes and lists in any order, with answers lost and connections dropped.

    `make_world` is set by a subclass. `living` is what must live, `dead` what must not, `lost` the orders of which no
    answer came: those may have left something or not.
    """

    make_world: Callable[[], World]
    generations = Bundle("generations")
    orders = Bundle("orders")

    @initialize()
    def begin(self) -> None:
        self.world = type(self).make_world()
        self.at_first = self.world.alive()
        self.living: Book = {}
        self.dead: Book = {}
        self.lost: dict[str, Order] = {}

    @rule(target=generations)
    def mint(self) -> Minted:
        minted = self.world.backend.mint(order_of(self.world))
        self.living[minted.handle] = minted
        return minted

    @rule(target=generations, times=st.integers(1, 8), acting=st.booleans())
    def mint_amid_faults(self, times: int, acting: bool) -> object:
        """With few faults a retry succeeds; with many the order is lost, and what it left must be found or die."""
        spoil = self.world.faults.lose_answer if acting else self.world.faults.drop
        spoil(method="POST", path=self.world.mint_path, times=times)
        order = order_of(self.world)
        try:
            minted = self.world.backend.mint(order)
        except Unavailable:
            self.lost[order.id] = order
            return multiple()
        finally:
            self.world.faults.clear()
        self.living[minted.handle] = minted
        return minted

    @rule(minted=generations)
    def probe(self, minted: Minted) -> None:
        if minted.handle in self.living:
            self.world.backend.probe(minted.value)
        else:
            raised(Unauthorised, lambda: self.world.backend.probe(minted.value))

    @rule(minted=generations)
    def revoke(self, minted: Minted) -> None:
        self.world.backend.revoke(minted.handle)
        self._bury(minted)

    @rule(minted=generations, status=st.sampled_from([403, 429, 500]))
    def revoke_in_vain(self, minted: Minted, status: int) -> None:
        """A refused revocation raises and changes nothing."""
        self.world.faults.refuse(status, times=100)
        raised(BackendError, lambda: self.world.backend.revoke(minted.handle))
        self.world.faults.clear()

    @rule(minted=consumes(generations), times=st.integers(1, 3))
    def revoke_amid_lost_answers(self, minted: Minted, times: int) -> None:
        """A revocation is repeated until an answer comes."""
        self.world.faults.lose_answer(times=times)
        self.world.backend.revoke(minted.handle)
        self._bury(minted)

    @rule()
    def revoke_the_unknown(self) -> None:
        self.world.backend.revoke(self.world.unknown)

    @invariant()
    def the_inventory_is_true(self) -> None:
        """All that lives is listed, nothing that is dead, nothing foreign; what else is listed is a lost mint."""
        found = self.world.backend.inventory(self.world.owner, [*self.living, *self.dead] or [self.world.unknown])
        listed = {generation.handle: generation.id for generation in found}
        listed.pop(self.world.own_handle, None)
        assert set(self.living) <= set(listed)
        assert not set(self.dead) & set(listed)
        assert {listed[handle] for handle in set(listed) - set(self.living)} <= set(self.lost)

    @invariant()
    def the_server_agrees(self) -> None:
        """Nothing died that should live; nothing lives that should not, but for what a lost mint left."""
        alive = self.world.alive()
        assert self.at_first | set(self.living) <= alive
        assert not set(self.dead) & alive

    def teardown(self) -> None:
        """A server that tests share is left as it was found."""
        for handle in getattr(self, "living", {}):
            self.world.backend.revoke(handle)

    def _bury(self, minted: Minted) -> None:
        self.living.pop(minted.handle, None)
        self.dead[minted.handle] = minted

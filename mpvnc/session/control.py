"""Whose input counts: everybody's, or that of the first to touch a key or the pointer until it leaves.

Owns: that decision, for the one process that all input goes through. View-only clients never get here.

Nobody comes back: the supervisor never uses a client's number twice. What a worker that was killed had sent
may still be on its way when the news of its death is here, and must not press anything any more.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from mpvnc.session.input import ClientGone, InputEvent, KeyInput, PointerInput

REMEMBERED = 16384
"""How many clients that left are remembered."""


class Control:
    """The policy `shared` lets everything pass; `single-controller` the keys and pointer of one client."""

    def __init__(self, policy: str = "shared") -> None:
        self.policy = policy
        self._controller: int | None = None
        self._refused: set[int] = set()
        self._gone: OrderedDict[int, None] = OrderedDict()

    @property
    def controller(self) -> int | None:
        """Who controls alone; None under `shared`, and as long as nobody has done anything."""
        return self._controller

    def admits(self, event: InputEvent) -> bool:
        """Whether the event may take effect; takes note of who controls and who is gone."""
        if event.client in self._gone:
            return False
        if isinstance(event, ClientGone):
            self.gone((event.client,))
        if self.policy != "single-controller" or not isinstance(event, KeyInput | PointerInput):
            return True
        if self._controller is None:
            self._controller = event.client
        return self._controller == event.client

    def change(self, policy: str) -> bool:
        """Follow another policy, with nobody in control yet; False if it is the same one.

        What clients hold is to be released then: who does not control cannot release anything either.
        """
        if policy == self.policy:
            return False
        self.policy, self._controller = policy, None
        self._refused.clear()
        return True

    def is_first_refusal(self, client: int) -> bool:
        """True once per client: worth a log line."""
        if client in self._refused or client in self._gone:
            return False
        self._refused.add(client)
        return True

    def gone(self, clients: Iterable[int]) -> None:
        """These clients left for good; the next one to act controls."""
        for client in clients:
            self._gone[client] = None
            if len(self._gone) > REMEMBERED:
                self._gone.popitem(last=False)
            self._refused.discard(client)
            if client == self._controller:
                self._controller = None

"""From input events to a backend's calls: who holds what, what is too old, who has to let go.

Owns: the input laws on the desktop's side. Keeps the pointer masks of clients apart, presses by edges,
drops presses older than `max_age_s` (never releases), ignores the release of what was never pressed (RFC
6143 section 7.5.4 knows no such thing), and releases all that a client holds when it goes. Reads no clock,
opens nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from mpvnc.inject.base import Backend
from mpvnc.inject.held import Held, HeldKind, HeldSet, HeldWords
from mpvnc.session.input import ClientGone, ClientJoined, InputEvent, KeyInput, PointerInput

BUTTONS = 9
HELD_PER_CLIENT = 64
"""Nobody has more fingers; further presses are dropped, so that one client cannot fill the page."""

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Client:
    slot: int | None = None
    mask: int = 0


class Dispatcher:
    """Delivers events to one backend.

    Args:
        backend: where to; methods of this class let its InjectError through.
        words: the page's held words; what they hold at first is released by `release_left_over`.
        max_age_s: presses that are older are dropped.
    """

    def __init__(self, backend: Backend, words: HeldWords, max_age_s: float = 1.0) -> None:
        self.backend = backend
        self.dropped = 0
        """Presses that were dropped: too old, impossible, or too many at once."""
        self._held = HeldSet(words)
        self.max_age_s = max_age_s
        self._clients: dict[int, _Client] = {}

    def deliver(self, event: InputEvent, now: float) -> None:
        """Deliver one event; `now` is wall-clock time. Clipboard texts have nowhere to go."""
        match event:
            case KeyInput():
                self._key(event, self._is_late(event.time, now))
            case PointerInput():
                self._pointer(event, self._is_late(event.time, now))
            case ClientJoined():
                self._client(event.client).slot = event.slot
            case ClientGone():
                self.release_client(event.client)

    def release_client(self, client: int) -> None:
        """Release all that `client` holds, the newest press first, and forget it."""
        for held in reversed(self._held.of(client)):
            self._let_go(client, held)
        self._clients.pop(client, None)

    def clients_of(self, slot: int) -> list[int]:
        """Return who is known to have been with the worker in `slot`."""
        return [client for client, state in self._clients.items() if state.slot == slot]

    def release_all(self) -> None:
        """Release everything: this injector ends."""
        for client in self._held.clients():
            self.release_client(client)

    def release_left_over(self) -> int:
        """Release what a predecessor left pressed; returns how much that was."""
        left_over = self._held.left_over()
        for held in left_over:
            match held.kind:
                case HeldKind.KEY:
                    self.backend.release(held.keysym, held.code)
                case HeldKind.BUTTON:
                    self.backend.button(held.code, False)
                case HeldKind.SPARE_KEYCODE:
                    self.backend.restore(held.code)
            self._held.forget(held)
        return len(left_over)

    def reopen(self, backend: Backend) -> None:
        """Go on with a new backend, in which nothing is pressed, after releasing what the old one held."""
        self.backend = backend
        self._held.disown_all()
        self.release_left_over()

    def _client(self, client: int) -> _Client:
        return self._clients.setdefault(client, _Client())

    def _is_late(self, time: float, now: float) -> bool:
        return now - time > self.max_age_s

    def _key(self, event: KeyInput, late: bool) -> None:
        held = self._held.key(event.client, event.keysym)
        if not event.down:
            if held is not None:
                self._let_go(event.client, held)
        elif late:
            self.dropped += 1
        elif held is not None:
            self.backend.repeat(held.keysym, held.code)
        else:
            self._press_key(event.client, event.keysym)

    def _press_key(self, client: int, keysym: int) -> None:
        press = self.backend.plan(keysym, self._held.codes())
        if press is None:
            self.dropped += 1
            logger.debug("no way to type keysym %#x", keysym)
            return
        held = Held(HeldKind.KEY, press.code, keysym)
        self._press(client, held, lambda: self.backend.press(press))

    def _pointer(self, event: PointerInput, late: bool) -> None:
        state = self._client(event.client)
        changed, state.mask = state.mask ^ event.button_mask, event.button_mask
        self.backend.move(event.x, event.y)
        for number in range(1, BUTTONS + 1):
            bit = 1 << number - 1
            if changed & bit:
                self._button(event.client, number, bool(event.button_mask & bit), late)

    def _button(self, client: int, number: int, down: bool, late: bool) -> None:
        held = Held(HeldKind.BUTTON, number)
        if not down:
            if self._held.holds(client, held):
                self._let_go(client, held)
        elif late:
            self.dropped += 1
        else:
            self._press(client, held, lambda: self.backend.button(number, True))

    def _press(self, client: int, held: Held, press: Callable[[], None]) -> None:
        if len(self._held.of(client)) >= HELD_PER_CLIENT or not self._held.add(client, held):
            self.dropped += 1
            return
        press()

    def _let_go(self, client: int, held: Held) -> None:
        if not self._held.others_hold(client, held):
            if held.kind is HeldKind.KEY:
                self.backend.release(held.keysym, held.code)
            else:
                self.backend.button(held.code, False)
        self._held.remove(client, held)

"""From input events to a backend's calls: who holds what, what is too old, who has to let go.

Owns: the input laws on the desktop's side. Keeps the pointer masks of clients apart, presses by edges,
drops presses older than `max_age_s` (never releases), ignores the release of what was never pressed (RFC
6143 section 7.5.4 knows no such thing), and releases all that a client holds when it goes. Limits how often
a client may change the keyboard map. Who is there and which buttons it holds is noted without a backend,
too. Reads no clock, opens nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from mpvnc.errors import InjectError
from mpvnc.inject.base import Backend, Press, Wait
from mpvnc.inject.held import Held, HeldKind, HeldSet, HeldWords
from mpvnc.session.input import ClientGone, ClientJoined, InputEvent, KeyInput, PointerInput

BUTTONS = 9
HELD_PER_CLIENT = 16
"""Nobody has more fingers; further presses are dropped, so that a few clients cannot fill the page."""
REMAPS_PER_S = 50.0
"""So many characters without a key of their own may a client type, and as many at once; then it waits."""

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Client:
    slot: int | None = None
    mask: int = 0
    remaps: float = REMAPS_PER_S
    """How many it may make at once; as of `remaps_at`."""
    remaps_at: float = 0.0


class Dispatcher:
    """Delivers events to one backend.

    Args:
        backend: where to, None if there is none yet; methods of this class let its InjectError through.
        words: the page's held words; what they hold at first is released by `release_left_over`.
        max_age_s: presses that are older are dropped.
    """

    def __init__(self, backend: Backend | None, words: HeldWords, max_age_s: float = 1.0) -> None:
        self._backend = backend
        self.dropped = 0
        """Presses that were dropped (too old, impossible, or too many at once), and events without a backend."""
        self._held = HeldSet(words)
        self.max_age_s = max_age_s
        self._clients: dict[int, _Client] = {}

    @property
    def is_open(self) -> bool:
        """Whether there is a backend."""
        return self._backend is not None

    @property
    def backend(self) -> Backend:
        """Where input goes. Raises: InjectError if there is no backend."""
        if self._backend is None:
            raise InjectError("there is no target")
        return self._backend

    def deliver(self, event: InputEvent, now: float, late: bool = False) -> float:
        """Deliver one event; `now` is wall-clock time. Clipboard texts have nowhere to go.

        Returns the seconds after which the event is to be given again, before any other of its client's;
        0.0 if it is done with. One that is `late`, whatever its age, never has to wait.
        """
        match event:
            case ClientJoined():
                self._client(event.client).slot = event.slot
            case ClientGone():
                self.release_clients((event.client,))
            case KeyInput() if self.is_open:
                return self._key(event, now, late or self._is_late(event.time, now))
            case PointerInput() if self.is_open:
                self._pointer(event, late or self._is_late(event.time, now))
            case KeyInput() | PointerInput():
                self._miss(event)
        return 0.0

    def release_clients(self, clients: Iterable[int]) -> None:
        """Forget these clients, and release all that they hold, the newest press of each first."""
        gone = list(clients)
        for client in gone:
            self._clients.pop(client, None)
        for client in gone:
            for held in reversed(self._held.of(client)):
                self._let_go(client, held)

    def clients_of(self, slot: int) -> list[int]:
        """Return who is known to have been with the worker in `slot`."""
        return [client for client, state in self._clients.items() if state.slot == slot]

    def release_all(self) -> None:
        """Release everything: this injector ends."""
        self.release_clients(self._held.clients())

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
        self.lose()
        self._backend = backend
        self.release_left_over()

    def lose(self) -> None:
        """Go on without a backend; what was held is left over for the next one."""
        self._backend = None
        self._held.disown_all()

    def _client(self, client: int) -> _Client:
        return self._clients.setdefault(client, _Client())

    def _is_late(self, time: float, now: float) -> bool:
        return now - time > self.max_age_s

    def _miss(self, event: KeyInput | PointerInput) -> None:
        """Note which buttons are down without a backend: they are not pressed later, the next press is."""
        self.dropped += 1
        if isinstance(event, PointerInput):
            self._client(event.client).mask = event.button_mask

    def _key(self, event: KeyInput, now: float, late: bool) -> float:
        held = self._held.key(event.client, event.keysym)
        if not event.down:
            if held is not None:
                self._let_go(event.client, held)
        elif late:
            self.dropped += 1
        elif held is not None:
            self.backend.repeat(held.keysym, held.code)
        elif self._has_room(event.client):
            return self._press_key(event.client, event.keysym, now)
        return 0.0

    def _press_key(self, client: int, keysym: int, now: float) -> float:
        codes = self._held.codes()
        press = self.backend.plan(keysym, codes) or self._remap(client, keysym, codes, now)
        if isinstance(press, Wait):
            return press.seconds
        if press is None:
            self.dropped += 1
            logger.debug("no way to type keysym %#x", keysym)
            return 0.0
        held, planned = Held(HeldKind.KEY, press.code, keysym), press
        self._press(client, held, lambda: self.backend.press(planned))
        return 0.0

    def _remap(self, client: int, keysym: int, codes: set[int], now: float) -> Press | Wait | None:
        state = self._client(client)
        passed_s = max(0.0, now - state.remaps_at)
        state.remaps, state.remaps_at = min(REMAPS_PER_S, state.remaps + passed_s * REMAPS_PER_S), now
        if state.remaps < 1.0:
            return Wait((1.0 - state.remaps) / REMAPS_PER_S)
        press = self.backend.remap(keysym, codes)
        if isinstance(press, Press):
            state.remaps -= 1.0
        return press

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
        elif self._has_room(client):
            self._press(client, held, lambda: self.backend.button(number, True))

    def _has_room(self, client: int) -> bool:
        if len(self._held.of(client)) < HELD_PER_CLIENT:
            return True
        self.dropped += 1
        return False

    def _press(self, client: int, held: Held, press: Callable[[], None]) -> None:
        if self._held.add(client, held):
            press()
        else:
            self.dropped += 1

    def _let_go(self, client: int, held: Held) -> None:
        if not self._held.others_hold(client, held):
            if held.kind is HeldKind.KEY:
                self.backend.release(held.keysym, held.code)
            else:
                self.backend.button(held.code, False)
        self._held.remove(client, held)

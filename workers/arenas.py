"""The arenas of the workers, as one of them has them: its own to write, the others' to read, and their bells.

It wires `mpvnc.frames.chunks` to what `mpvnc.session.sharing` needs. A worker that waits for others says so in
its arena; whoever puts something then rings its bell, an eventfd. So nothing is rung while nobody waits.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress

from mpvnc.errors import FrameError
from mpvnc.frames.chunks import ArenaReader, ArenaWriter


class Arenas:
    """A `Store` in shared memory; see `mpvnc.session.sharing`.

    Args:
        slot: the worker's own.
        slots: those of all workers that share, its own included.
        fds: for each of `slots` its arena, then for each its bell; taken over.
    Raises: FrameError if they do not fit together, or cannot be mapped; all are closed then.
    """

    def __init__(self, slot: int, slots: Sequence[int], fds: Sequence[int]) -> None:
        self.slot = slot
        self._interests: dict[object, Mapping[int, int]] = {}
        self._waiting: set[object] = set()
        self._has_put = False
        self._stop_listening: Callable[[], object] = lambda: None
        with ExitStack() as stack:
            for fd in fds:
                stack.callback(os.close, fd)
            if slot not in slots or len(fds) != 2 * len(slots):
                raise FrameError(f"{len(fds)} descriptors for the arenas of workers {slots}")
            arenas = dict(zip(slots, fds, strict=False))
            self._own = ArenaWriter(arenas[slot])
            stack.callback(self._own.close)
            self._others: dict[int, ArenaReader] = {}
            for other in arenas.keys() - {slot}:
                self._others[other] = ArenaReader(arenas[other])
                stack.callback(self._others[other].close)
            stack.pop_all()
        self._bells = dict(zip(slots, fds[len(slots) :], strict=True))
        for fd in arenas.values():
            os.close(fd)

    @property
    def others(self) -> Mapping[int, ArenaReader]:
        """The arenas of all others, by slot."""
        return self._others

    def listen(self, loop: asyncio.AbstractEventLoop, arrived: Callable[[], None]) -> None:
        """Have `arrived` called when others have put something while this worker waited."""
        bell = self._bells[self.slot]

        def rung() -> None:
            with suppress(BlockingIOError):
                os.eventfd_read(bell)
            arrived()

        loop.add_reader(bell, rung)
        self._stop_listening = lambda: loop.remove_reader(bell)

    def put(self, key: bytes, number: int, data: bytes) -> None:
        """Show others what was made; what is too large is left out."""
        self._has_put |= self._own.put(key, number, data)

    def ring(self) -> None:
        """Wake those that wait, if something was put since the last time."""
        if not self._has_put:
            return
        self._has_put = False
        for slot, other in self._others.items():
            if other.waits:
                with suppress(BlockingIOError):
                    os.eventfd_write(self._bells[slot], 1)

    def announce(self, who: object, interests: Mapping[int, int]) -> None:
        """Tell the others what all parts of this worker are interested in."""
        self._interests.pop(who, None)
        if interests:
            self._interests[who] = interests
        self._own.announce({word: n for part in self._interests.values() for word, n in part.items()})

    def proceed(self, interest: int, progress: int) -> None:
        """Tell the others how far this worker is with one of its interests."""
        self._own.proceed(interest, progress)

    def set_waiting(self, who: object, waits: bool) -> None:
        """Be woken as long as any part of this worker waits."""
        (self._waiting.add if waits else self._waiting.discard)(who)
        self._own.set_waiting(bool(self._waiting))

    def close(self) -> None:
        """Wait for nobody, be interested in nothing, and let go of everything."""
        self._stop_listening()
        self._own.announce({})
        self._own.set_waiting(False)
        self._own.close()
        for other in self._others.values():
            other.close()
        for fd in self._bells.values():
            os.close(fd)

"""Who looks at a picture: how many viewers a worker has, and which frame they have been sent.

Owns the two counters VIEWERS and SHOWN. SHOWN is one word, so that nothing is ever torn and nobody waits: a frame's
number and how many viewers have been sent it. Whoever draws reads them as often as it likes.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import NamedTuple

from mpvnc.metrics import Counter, SlotCounters

_COUNT_BITS = 20
_COUNT_MASK = (1 << _COUNT_BITS) - 1


class Shown(NamedTuple):
    """How far the frames have come.

    Attributes:
        viewers: how many viewers see the surface now.
        frame: the newest frame that any of them has been sent, by its number; 0 for none yet.
        reached: how many have been sent that frame.
    """

    viewers: int
    frame: int
    reached: int


def shown(workers: Iterable[SlotCounters]) -> Shown:
    """Return what these workers say together."""
    viewers = newest = count = 0
    for counters in workers:
        viewers += counters.get(Counter.VIEWERS)
        word = counters.get(Counter.SHOWN)
        frame = word >> _COUNT_BITS
        if frame > newest:
            newest, count = frame, 0
        if frame == newest:
            count += word & _COUNT_MASK
    return Shown(viewers, newest, count)


class Audience:
    """The viewers of one worker, by any name, and the frames they have been sent.

    Begins with nobody, whatever a predecessor that was killed has left in `counters`.
    """

    def __init__(self, counters: SlotCounters) -> None:
        self._counters = counters
        self._frames: dict[Hashable, int] = {}
        self._newest = self._count = 0
        self._write()

    def join(self, viewer: Hashable) -> None:
        """A viewer sees the picture from now on; it has been sent nothing of it yet."""
        self._frames[viewer] = 0
        self._write()

    def sent(self, viewers: Iterable[Hashable], frame: int) -> None:
        """Viewers are sent a frame; nothing for none (0), or one that has not joined or has that frame already."""
        frames, count = self._frames, 0
        if not frame:
            return
        for viewer in viewers:
            if frames.get(viewer, frame) != frame:
                frames[viewer] = frame
                count += 1
        if frame > self._newest and count:
            self._newest, self._count = frame, 0
        if frame == self._newest:
            self._count += count
            self._counters.set(Counter.SHOWN, self._newest << _COUNT_BITS | self._count)

    def leave(self, viewer: Hashable) -> None:
        """A viewer is gone, whether it had joined or not."""
        frame = self._frames.pop(viewer, 0)
        if frame and frame == self._newest:
            self._count -= 1
        self._write()

    def _write(self) -> None:
        self._counters.set(Counter.VIEWERS, len(self._frames))
        self._counters.set(Counter.SHOWN, self._newest << _COUNT_BITS | self._count)

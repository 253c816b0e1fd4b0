"""What children count, per second: over the last few ticks of the supervisor."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping

from mpvnc.metrics import Counter, StatusPage

WINDOW_TICKS = 5
RATED = (
    Counter.FRAMES,
    Counter.UPDATES_SENT,
    Counter.BYTES_SENT,
    Counter.ENCODES,
    Counter.BYTES_ENCODED,
    Counter.FRAMES_SKIPPED,
)


class Rates:
    """Samples of the counters of some slots; `now` is monotonic seconds."""

    def __init__(self, status: StatusPage, slots: Iterable[int]) -> None:
        self._status = status
        self._slots = tuple(slots)
        self._samples: deque[tuple[float, dict[int, list[int]]]] = deque(maxlen=WINDOW_TICKS + 1)

    def tick(self, now: float) -> None:
        """Take a sample."""
        counts = {slot: [self._status.slot(slot).get(counter) for counter in RATED] for slot in self._slots}
        self._samples.append((now, counts))

    def of(self, slot: int) -> Mapping[str, float]:
        """Return what a slot counts per second, by lower-case name; without what stands still."""
        if len(self._samples) < 2:
            return {}
        (began, old), (ended, new) = self._samples[0], self._samples[-1]
        grown = {
            counter.name.lower(): round((after - before) / (ended - began), 1)
            for counter, before, after in zip(RATED, old[slot], new[slot], strict=True)
        }
        return {name: rate for name, rate in grown.items() if rate > 0}

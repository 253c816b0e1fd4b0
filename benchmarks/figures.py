"""What a measurement tells: windows of time, series of them, latencies. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from benchmarks.fit import Fit, fit
from benchmarks.scenes import RATES

FULL_RATE = 0.9
"""The share of the painted rate from which on a viewer counts as served in full."""
BUSY = 0.95
"""The share of its core from which on the load generator itself is the limit."""
CONTENDED = 0.1
"""The share of the server's core that others may take before a point is marked."""
OWN_LIMIT = 0.8
"""The share of the core from which on the server itself is the limit, whatever others take."""


@dataclass(frozen=True, slots=True)
class Window:
    """What was counted while the clock ran; times in milliseconds, of CPU but for `seconds`."""

    viewers: int
    reading: int
    seconds: float
    painted: int
    frames: float
    updates: int
    bytes: int
    cpu_ms: float
    xvfb_ms: float
    load_ms: float
    others_ms: float
    pss_kb: int
    least: int
    most: int
    stalled: int
    counters: dict[str, int] = field(default_factory=dict)
    by_process_ms: dict[str, float] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Frames a second of the mean viewer that reads."""
        return self.frames / max(self.reading, 1) / self.seconds

    @property
    def cpu_ms_each(self) -> float | None:
        """CPU of the server for one frame of one viewer."""
        return self.cpu_ms / self.frames if self.frames else None

    @property
    def bytes_each(self) -> float | None:
        """Bytes of one frame of one viewer."""
        return self.bytes / self.frames if self.frames else None

    @property
    def is_load_bound(self) -> bool:
        """Whether the viewers had no time left, so that it is not the server that was measured."""
        return self.load_ms / 1000 > BUSY * self.seconds

    @property
    def is_contended(self) -> bool:
        """Whether something else had a good part of the server's core."""
        return self.others_ms / 1000 > CONTENDED * self.seconds

    def is_served(self, scene: str) -> bool:
        """Whether the viewers got their frames."""
        return self.rate >= FULL_RATE * RATES[scene]


@dataclass(frozen=True, slots=True)
class Series:
    """One server, scene and profile, over several numbers of viewers."""

    peer: str
    scene: str
    profile: str
    windows: list[Window]
    limit: int | None = None
    note: str = ""
    planned: int = 0
    """How many windows come before those of the search for the limit."""

    @property
    def fit(self) -> Fit | None:
        """CPU of a frame for all = A + B x N, over the points where everybody was served.

        Where others took the core there are too few of these. Then the points count too at which the server
        used less than `OWN_LIMIT` of it: the fit `is_rough`, what was captured in vain is in it.
        """
        return fit([(w.viewers, w.cpu_ms * w.viewers / w.frames) for w in self._fitted()])

    @property
    def is_rough(self) -> bool:
        """Whether the fit rests on points where not everybody was served."""
        return not all(window.is_served(self.scene) for window in self._fitted())

    def _fitted(self) -> list[Window]:
        whole = [w for w in self.windows if w.frames and w.reading == w.viewers]
        served = [w for w in whole if w.is_served(self.scene)]
        if len({w.viewers for w in served}) > 1:
            return served
        return [
            w for w in whole if w in served or (w.is_contended and w.cpu_ms < OWN_LIMIT * w.seconds * 1000)
        ]

    @property
    def limit_by_fit(self) -> int | None:
        """The number of viewers at which the fit fills one core."""
        found = self.fit
        if found is None or found.b_ms <= 0:
            return None
        return max(int((1000 / RATES[self.scene] - found.a_ms) / found.b_ms), 0)

    @property
    def pss_kb_each(self) -> float | None:
        """Memory of one more viewer."""
        first, last = self.windows[0], max(self.windows, key=lambda window: window.viewers)
        if last.viewers - first.viewers < 9:
            return None
        return (last.pss_kb - first.pss_kb) / (last.viewers - first.viewers)


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds from a change (or a button) to the pixel at a viewer; `lost` ones never came."""

    peer: str
    scene: str
    kind: str
    viewers: int
    profile: str
    p50_ms: float
    p90_ms: float
    p99_ms: float
    samples: int
    lost: int


@dataclass(frozen=True, slots=True)
class Stall:
    """What happens to the others when some viewers stop reading."""

    peer: str
    scene: str
    profile: str
    viewers: int
    stopped: int
    rate_before: float
    rate_after: float
    memory_kb: int


@dataclass(frozen=True, slots=True)
class Sharing:
    """One worker, and several, with the same viewers.

    Attributes:
        ratio_one, ratio: pixels encoded, by all workers together, for each pixel that changed.
        encode_ms_one, encode_ms: CPU of encoding, of all workers together, for each step of the painter.
        taken: rectangles that workers took from each other.
        vain_waits: updates for which one waited for another in vain.
    """

    peer: str
    scene: str
    profile: str
    viewers: int
    workers: int
    ratio_one: float
    ratio: float
    encode_ms_one: float
    encode_ms: float
    taken: int
    vain_waits: int


def as_row(value: Any) -> dict[str, Any]:
    """Return a Window, Latency, Stall or Sharing as a flat dict for the ledger, rounded."""
    fields = {name: getattr(value, name) for name in value.__slots__}
    return {name: round(v, 4) if isinstance(v, float) else v for name, v in fields.items()}

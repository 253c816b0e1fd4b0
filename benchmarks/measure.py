"""One point: what a server costs and delivers with so many viewers, over a few seconds."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.accounting import cpu_ns, pss_kb, spent_ns, tree_cpu_ns
from benchmarks.fit import Fit, delivered_frames, fit, most_viewers, percentile
from benchmarks.stage import CHANGED_AREA, RATES, Stage, Viewers

FULL_RATE = 0.9
"""The share of the painted rate from which on a viewer counts as served in full."""
BUSY = 0.95
"""The share of its core from which on the load generator itself is the limit."""


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
    pss_kb: int
    least: int
    most: int
    stalled: int
    counters: dict[str, int] = field(default_factory=dict)

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
        """CPU of a painted frame = A + B x N, over the points where everybody was served."""
        good = [w for w in self.windows if w.is_served(self.scene) and w.painted and w.reading == w.viewers]
        return fit([(w.viewers, w.cpu_ms / w.painted) for w in good])

    @property
    def pss_kb_each(self) -> float | None:
        """Memory of one more viewer."""
        first, last = self.windows[0], max(self.windows, key=lambda window: window.viewers)
        if last.viewers - first.viewers < 9:
            return None
        return (last.pss_kb - first.pss_kb) / (last.viewers - first.viewers)


def watch(stage: Stage, viewers: Viewers, scene: str, seconds: float) -> Window:
    """Count for so many seconds."""
    pids = stage.server_pids()
    counters = stage.counters()
    viewers.mark()
    painted, cpu, xvfb, began = stage.painter.read()[0], cpu_ns(pids), stage.xvfb_cpu_ns(), time.monotonic()
    time.sleep(seconds)
    lasted = time.monotonic() - began
    spent = spent_ns(cpu, tree_cpu_ns(process.pid for process in stage.servers))
    painted = stage.painter.read()[0] - painted
    told = viewers.mark()
    xvfb_ms = spent_ns(xvfb, stage.xvfb_cpu_ns()) / 1e6
    after = stage.counters()
    frames = delivered_frames(
        told["updates"], told["pixels"], painted, told["reading"], CHANGED_AREA.get(scene, 0)
    )
    return Window(
        told["count"], told["reading"], lasted, painted, frames, told["updates"], told["bytes"],
        spent / 1e6, xvfb_ms, told["cpu_ns"] / 1e6, pss_kb(stage.server_pids()), told["least"], told["most"],
        told["stalled"], {name: value - counters.get(name, 0) for name, value in after.items()},
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Plan:
    """How a series is measured.

    Attributes:
        numbers: of viewers.
        seconds: that a point takes, after `settle_s` of rest.
        most: the limit is searched up to so many; 0: it is not searched.
        stops_when_full: leave out the numbers above one that was not served.
    """

    numbers: Sequence[int]
    seconds: float = 3.0
    settle_s: float = 1.0
    most: int = 0
    stops_when_full: bool = False


def run_series(stage: Stage, scene: str, name: str, profile: Sequence[str], plan: Plan) -> Series:
    """Measure the numbers of the plan, then search the limit."""
    windows: list[Window] = []
    notes: list[str] = []
    with stage.viewers(profile) as viewers:

        def measure(number: int, seconds: float = plan.seconds) -> bool:
            if not viewers.grow(number):
                notes.append(f"not all of {number} viewers had a picture after 30 s")
            time.sleep(plan.settle_s)
            window = watch(stage, viewers, scene, seconds)
            windows.append(window)
            return window.is_served(scene)

        known: list[tuple[int, bool]] = []
        for number in plan.numbers:
            if not (plan.stops_when_full and known and not known[-1][1]):
                known.append((number, measure(number)))
        limit, planned = None, len(windows)
        if plan.most:
            found = Series(stage.peer.name, scene, name, windows).fit
            guess = _guess(found, RATES[scene], known)
            limit = most_viewers(lambda n: measure(n, min(plan.seconds, 2.0)), known, guess, plan.most)
    return Series(stage.peer.name, scene, name, windows, limit, "; ".join(notes), planned)


def _guess(found: Fit | None, rate: float, known: Sequence[tuple[int, bool]]) -> float:
    """Return the number of viewers at which a core is full, by what is known."""
    if found and found.b_ms > 0:
        return max((1000 / rate - found.a_ms) / found.b_ms, 1)
    return max((n for n, served in known if served), default=1) * 2


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


def run_latency(stage: Stage, scene: str, kind: str, beside: tuple[str, Sequence[str], int], probe: Sequence[str],
                seconds: float) -> Latency:  # fmt: skip
    """Measure with one raw viewer of a small square; `kind` is time or press, `beside` who else looks."""
    profile, arguments, number = beside
    with stage.viewers(arguments) as others, stage.viewers(probe) as watcher:
        others.grow(number)
        watcher.grow(1)
        time.sleep(1.0)
        watcher.mark()
        time.sleep(seconds)
        samples = watcher.mark()["samples_us"]
    times = [sample / 1000 for sample in samples if sample >= 0]
    lost = len(samples) - len(times)
    p50, p90, p99 = (percentile(times, p) for p in (50, 90, 99))
    return Latency(stage.peer.name, scene, kind, number, profile, p50, p90, p99, len(times), lost)


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


def run_stall(stage: Stage, scene: str, name: str, profile: Sequence[str], number: int, seconds: float) -> Stall:
    """Measure before and after a tenth of the viewers stop reading."""
    with stage.viewers(profile) as viewers:
        viewers.grow(number)
        time.sleep(1.0)
        before = watch(stage, viewers, scene, seconds)
        stopped = max(number // 10, 1)
        viewers.stop_reading(stopped)
        time.sleep(2.0)
        after = watch(stage, viewers, scene, seconds)
    memory = after.pss_kb - before.pss_kb
    return Stall(stage.peer.name, scene, name, number, stopped, before.rate, after.rate, memory)


def as_row(value: Any) -> dict[str, Any]:
    """Return a Window, Latency or Stall as a flat dict for the ledger, rounded."""
    fields = {name: getattr(value, name) for name in value.__slots__}
    return {name: round(v, 4) if isinstance(v, float) else v for name, v in fields.items()}

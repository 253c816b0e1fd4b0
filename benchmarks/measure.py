"""The measurements themselves: a running stage in, figures out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.accounting import core_busy_ns, cpu_ns, pss_kb, spent_by_name, spent_ns, tree_cpu_ns
from benchmarks.figures import Latency, Series, Stall, Window
from benchmarks.fit import Fit, delivered_frames, most_viewers, percentile
from benchmarks.processes import SERVER_CORE
from benchmarks.scenes import CHANGED_AREA, PROFILES, RATES
from benchmarks.stage import Stage, Viewers


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


def watch(stage: Stage, viewers: Viewers, scene: str, seconds: float) -> Window:
    """Count for so many seconds."""
    pids = stage.server_pids()
    counters = stage.counters()
    viewers.mark()
    busy, xvfb = core_busy_ns(SERVER_CORE), stage.xvfb_cpu_ns()
    painted, cpu, began = stage.painter.read()[0], cpu_ns(pids), time.monotonic()
    time.sleep(seconds)
    lasted = time.monotonic() - began
    cpu_after = tree_cpu_ns(process.pid for process in stage.servers)
    spent = spent_ns(cpu, cpu_after)
    busy = core_busy_ns(SERVER_CORE) - busy
    painted = stage.painter.read()[0] - painted
    told = viewers.mark()
    xvfb_ms = spent_ns(xvfb, stage.xvfb_cpu_ns()) / 1e6
    after = stage.counters()
    frames = delivered_frames(
        told["updates"], told["pixels"], painted, told["reading"], CHANGED_AREA.get(scene, 0)
    )
    return Window(
        viewers=told["count"],
        reading=told["reading"],
        seconds=lasted,
        painted=painted,
        frames=frames,
        updates=told["updates"],
        bytes=told["bytes"],
        cpu_ms=spent / 1e6,
        xvfb_ms=xvfb_ms,
        load_ms=told["cpu_ns"] / 1e6,
        others_ms=max(busy - spent, 0) / 1e6,
        pss_kb=pss_kb(stage.server_pids()),
        least=told["least"],
        most=told["most"],
        stalled=told["stalled"],
        counters={name: n - counters.get(name, 0) for name, n in after.items() if n != counters.get(name, 0)},
        by_process_ms={name: ns / 1e6 for name, ns in spent_by_name(cpu, cpu_after).items()},
    )


def run_series(stage: Stage, scene: str, profile: str, plan: Plan) -> Series:
    """Measure the numbers of the plan, then search the limit."""
    windows: list[Window] = []
    notes: list[str] = []
    with stage.viewers(PROFILES[profile]) as viewers:

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
            found = Series(stage.peer.name, scene, profile, windows).fit
            guess = _guess(found, RATES[scene], known)
            limit = most_viewers(lambda n: measure(n, min(plan.seconds, 2.0)), known, guess, plan.most)
    return Series(stage.peer.name, scene, profile, windows, limit, "; ".join(notes), planned)


def _guess(found: Fit | None, rate: float, known: Sequence[tuple[int, bool]]) -> float:
    """Return the number of viewers at which a core is full, by what is known."""
    if found and found.b_ms > 0:
        return max((1000 / rate - found.a_ms) / found.b_ms, 1)
    return max((n for n, served in known if served), default=1) * 2


def run_latency(stage: Stage, scene: str, kind: str, profile: str, number: int, *, seconds: float) -> Latency:
    """Measure with one raw viewer of a small square; `kind` is time or press.

    Args: profile, number: who else looks at the screen meanwhile.
    """
    probe = PROFILES[f"probe-{kind}"]
    with stage.viewers(PROFILES[profile]) as others, stage.viewers(probe) as watcher:
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


def run_stall(stage: Stage, scene: str, profile: str, number: int, seconds: float) -> Stall:
    """Measure before and after a tenth of the viewers stop reading."""
    with stage.viewers(PROFILES[profile]) as viewers:
        viewers.grow(number)
        time.sleep(1.0)
        before = watch(stage, viewers, scene, seconds)
        stopped = max(number // 10, 1)
        viewers.stop_reading(stopped)
        time.sleep(2.0)
        after = watch(stage, viewers, scene, seconds)
    memory = after.pss_kb - before.pss_kb
    return Stall(stage.peer.name, scene, profile, number, stopped, before.rate, after.rate, memory)

"""What several workers cost together, beside one: pixels encoded for each pixel that changed, CPU of encoding.

Workers tell their counts once a second, each at its own time. So each is watched from one of these moments to
another, and compared with what the painter painted between the same two.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Any

from benchmarks.figures import Sharing
from benchmarks.processes import BenchError
from benchmarks.scenes import PROFILES
from benchmarks.stage import Stage

WINDOWS = 5
_LOOK_S = 0.01
_BEAT_S = 5.0


@dataclass(frozen=True, slots=True)
class Beat:
    """What one worker told, and what was painted when it did."""

    counters: dict[str, int]
    pixels_by_class: dict[str, int]
    steps: int
    painted: int


@dataclass(frozen=True, slots=True)
class Share:
    """What all workers did for each step of the painter: pixels of the class that has most, microseconds, counts."""

    ratio: float
    encode_us: float
    taken: int
    vain_waits: int


def run_workers(
    stage: Stage, profile: str, viewers: int, seconds: float, windows: int = WINDOWS
) -> list[Share]:
    """Measure a number of windows with so many viewers in front of a running server."""
    with stage.viewers(PROFILES[profile]) as audience:
        if not audience.grow(viewers):
            raise BenchError(f"not all of {viewers} viewers had a picture after 30 s")
        time.sleep(2.0)
        beats = [at_beats(stage)]
        for _ in range(windows):
            time.sleep(seconds)
            beats.append(at_beats(stage))
    return [share(before, after) for before, after in pairwise(beats)]


def compare(
    peer: str,
    scene: str,
    profile: str,
    viewers: int,
    workers: int,
    *,
    one: Sequence[Share],
    many: Sequence[Share],
) -> Sharing:
    """Return the medians of one worker's windows and of several workers' windows, side by side."""
    return Sharing(
        peer, scene, profile, viewers, workers,
        ratio_one=median(window.ratio for window in one),
        ratio=median(window.ratio for window in many),
        encode_ms_one=median(window.encode_us for window in one) / 1000,
        encode_ms=median(window.encode_us for window in many) / 1000,
        taken=sum(window.taken for window in many),
        vain_waits=sum(window.vain_waits for window in many),
    )  # fmt: skip


def at_beats(stage: Stage) -> dict[int, Beat]:
    """Return what every worker tells next, by slot. Raises: BenchError if one tells nothing new for long."""
    before, beats = _encoders(stage), dict[int, Beat]()
    end = time.monotonic() + _BEAT_S
    while len(beats) < len(before):
        if time.monotonic() > end:
            raise BenchError(f"of {len(before)} workers only {sorted(beats)} told anything new")
        time.sleep(_LOOK_S)
        steps, painted, _ = stage.painter.read()
        for slot, child in _encoders(stage).items():
            if slot not in beats and child["counters"] != before[slot]["counters"]:
                beats[slot] = Beat(child["counters"], child["pixels_by_class"], steps, painted)
    return beats


def share(before: dict[int, Beat], after: dict[int, Beat]) -> Share:
    """Return what was done between two beats of each worker."""
    by_class: dict[str, float] = {}
    encode_us, counts = 0.0, {"rectangles_taken": 0, "waits_in_vain": 0}
    for slot, end in after.items():
        begin = before[slot]
        painted, steps = max(end.painted - begin.painted, 1), max(end.steps - begin.steps, 1)
        for name, pixels in end.pixels_by_class.items():
            more = (pixels - begin.pixels_by_class.get(name, 0)) / painted
            by_class[name] = by_class.get(name, 0.0) + more
        encode_us += (end.counters.get("encode_us", 0) - begin.counters.get("encode_us", 0)) / steps
        for name in counts:
            counts[name] += end.counters.get(name, 0) - begin.counters.get(name, 0)
    ratio = max(by_class.values(), default=0.0)
    return Share(ratio, encode_us, counts["rectangles_taken"], counts["waits_in_vain"])


def _encoders(stage: Stage) -> dict[int, dict[str, Any]]:
    return {child["slot"]: child for child in stage.children() if child["role"] == "encoder"}

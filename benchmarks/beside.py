"""What one more viewer costs mpvnc's worker, and what it costs a bare socket that sends the same, at the same time.

    python -m benchmarks.beside [SCENE PROFILE] [--viewers LOW,HIGH] [--repeats N] [--secs S]

Both servers have core 0 and their viewers core 1 in the same seconds, so whatever else the machine does disturbs both.
A cost is the CPU of the process that sends, per update; from a window with few viewers and one with many follows what
one more costs. Such pairs of windows are repeated, and the medians are told.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import NamedTuple

from benchmarks.accounting import cpu_ns, name, tree
from benchmarks.peers import PEERS, Place
from benchmarks.processes import BenchError
from benchmarks.recording import record, save
from benchmarks.scenes import PROFILES, RATES, listed
from benchmarks.stage import Viewers, running_stage
from benchmarks.tables import table

_SETTLE_S = 0.7


class Cost(NamedTuple):
    """Of one server in one window: CPU of an update for all its viewers, updates a second, bytes of an update."""

    cpu_us: float
    rate: float
    size_bytes: float


class Pair(NamedTuple):
    """What both cost in one window."""

    mpvnc: Cost
    bare: Cost


@dataclass(frozen=True, slots=True)
class Side:
    """A running server: its viewers, and the process that sends to them."""

    viewers: Viewers
    pid: int


def each_us(low: Sequence[float], high: Sequence[float], more: int) -> float:
    """Return the median of what one of `more` viewers costs, from costs in pairs of windows."""
    return median((b - a) / more for a, b in zip(low, high, strict=True))


def watch(sides: Sequence[Side], number: int, seconds: float) -> Pair:
    """Count for so many seconds. Raises: BenchError."""
    for side in sides:
        if not side.viewers.grow(number):
            raise BenchError(f"not all of {number} viewers had a picture")
    time.sleep(_SETTLE_S)
    for side in sides:
        side.viewers.mark()
    before = cpu_ns(side.pid for side in sides)
    time.sleep(seconds)
    after = cpu_ns(side.pid for side in sides)
    told = [side.viewers.mark() for side in sides]
    costs = []
    for side, one in zip(sides, told, strict=True):
        if not one["updates"]:
            raise BenchError("a server sends nothing")
        updates = one["updates"] / number
        cpu_us = (after[side.pid] - before[side.pid]) / 1000 / updates
        costs.append(Cost(cpu_us, updates / seconds, one["bytes"] / one["updates"]))
    return Pair(*costs)


def measure(
    scene: str, profile: str, numbers: tuple[int, int], repeats: int, seconds: float
) -> dict[int, list[Pair]]:
    """Return the windows, by number of viewers. Raises: BenchError."""
    windows: dict[int, list[Pair]] = {number: [] for number in numbers}
    with ExitStack() as stack:
        here, there = (Path(stack.enter_context(tempfile.TemporaryDirectory())) for _ in range(2))
        ours = stack.enter_context(running_stage(PEERS["mpvnc-memory"], scene, here))
        save(record(ours.place.port, listed(profile)), Place(0, "", -1, there).recording)
        theirs = stack.enter_context(running_stage(PEERS["bare"], scene, there))
        viewers = [stack.enter_context(stage.viewers(PROFILES[profile])) for stage in (ours, theirs)]
        (worker,) = (pid for pid in tree(ours.servers[0].pid) if name(pid) == "encoder")
        sides = [Side(viewers[0], worker), Side(viewers[1], theirs.servers[0].pid)]
        for _ in range(repeats):
            for number in numbers:
                windows[number].append(watch(sides, number, seconds))
    return windows


def row(scene: str, profile: str, windows: dict[int, list[Pair]]) -> list[str]:
    """Return what was found, for a table."""
    low, high = sorted(windows)
    ours, theirs = (
        each_us(
            [pair[i].cpu_us for pair in windows[low]], [pair[i].cpu_us for pair in windows[high]], high - low
        )
        for i in (0, 1)
    )
    sizes = [median(pair[i].size_bytes for pair in windows[high]) / 1000 for i in (0, 1)]
    rates = [median(pair[i].rate for pair in windows[high]) for i in (0, 1)]
    return [
        scene, profile, f"{low} to {high}", f"{sizes[0]:.1f} : {sizes[1]:.1f}", f"{rates[0]:.1f} : {rates[1]:.1f}",
        f"{ours:.1f}", f"{theirs:.1f}", f"{ours / theirs:.2f}",
    ]  # fmt: skip


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and tell."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.beside", description=__doc__.splitlines()[0])
    parser.add_argument("scene", nargs="?", default="video", choices=RATES)
    parser.add_argument("profile", nargs="?", default="tight-jpeg-tls")
    parser.add_argument("--viewers", default="10,60", help="few and many (10,60)")
    parser.add_argument("--repeats", type=int, default=8)
    parser.add_argument("--secs", type=float, default=1.5)
    given = parser.parse_args(argv)
    few, many = sorted(int(word) for word in given.viewers.split(","))
    try:
        windows = measure(given.scene, given.profile, (few, many), given.repeats, given.secs)
    except BenchError as error:
        print(f"benchmarks.beside: {error}", file=sys.stderr)
        return 1
    head = ["workload", "profile", "viewers", "kB/update", "updates/s", "mpvnc, us", "bare, us", "times"]
    print(table(head, [row(given.scene, given.profile, windows)]))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""What a frame costs each capture backend: `python -m benchmarks.captures [--looks N]`.

An Xvfb of 1920x1080 of its own, where the painter changes 640x360 pixels 30 times a second (scene `video`). After each
step the backend is driven as `mpvnc.capture.driver` does, and timed from the look at what happened to the frame that
is published; looks that publish nothing are not counted. Then the same screen at rest, where a look finds nothing. The
demo animates itself. Backend and frame writer run in this process, on the core of servers; no server runs.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from benchmarks.fit import percentile
from benchmarks.ledger import Ledger, machine, pace_ms
from benchmarks.peers import SCREEN
from benchmarks.processes import SERVER_CORE, BenchError, pinned
from benchmarks.scenes import HEIGHT, WIDTH
from benchmarks.stage import Painter, running_stage
from benchmarks.tables import number, table
from mpvnc.capture.base import Capture
from mpvnc.capture.choose import SourceSettings, open_capture
from mpvnc.errors import CaptureError
from mpvnc.frames.layout import segment_bytes
from mpvnc.frames.writer import FrameWriter

X_BACKENDS = ("x11", "mss")
CHANGING, STILL, ANIMATED = "640x360 changes", "at rest", "its own animation"
WARM_UP = 4
"""Looks that are not counted: each of the three slots is written whole once."""
_STEP_S = 1 / 30
_PATIENCE_S = 10.0


class Look(NamedTuple):
    """One look at a source; times in milliseconds."""

    wall_ms: float
    cpu_ms: float
    is_published: bool


@dataclass(frozen=True, slots=True)
class Captured:
    """What looks at a source cost; `frames` of them published one. The times are those of the looks that count."""

    peer: str
    backend: str
    screen: str
    looks: int
    frames: int
    mean_ms: float
    p95_ms: float
    cpu_ms: float


class Source:
    """A backend with a frame segment, as the capture role has them. Raises: CaptureError."""

    def __init__(self, kind: str, display: str) -> None:
        self.capture: Capture = open_capture(kind, SourceSettings(kind, display, WIDTH, HEIGHT))
        width, height = self.capture.size
        segment = os.memfd_create("mpvnc-bench-frames", os.MFD_CLOEXEC)
        try:
            os.truncate(segment, segment_bytes(width, height))
            self._writer = FrameWriter(segment, 1, width, height, 1)
            self.capture.attach(segment, width, height)
        finally:
            os.close(segment)

    def look(self, now: float) -> Look:
        """Take in what happened, draw and publish what is due at `now`; time it."""
        began, cpu = time.perf_counter(), time.thread_time()
        is_published = self._publish(now)
        return Look((time.perf_counter() - began) * 1e3, (time.thread_time() - cpu) * 1e3, is_published)

    def close(self) -> None:
        """Let go of both."""
        self.capture.close()
        self._writer.close()

    def _publish(self, now: float) -> bool:
        self.capture.handle_events()
        due = self.capture.frame_due(now)
        if due is None or due > now:
            return False
        slot = self._writer.begin()
        touched = self.capture.draw(slot, now)
        if not touched:
            self._writer.abandon(slot)
            return False
        return self._writer.publish(slot, touched) is not None


def summary(backend: str, screen: str, looks: Sequence[Look]) -> Captured:
    """Return the figures of looks: of those that published, or of all where the screen is at rest."""
    counted = [look for look in looks if look.is_published or screen == STILL]
    if not counted:
        raise BenchError(f"{backend}: nothing was published")
    walls = [look.wall_ms for look in counted]
    cpu_ms = statistics.fmean(look.cpu_ms for look in counted)
    frames = sum(look.is_published for look in looks)
    return Captured(
        "mpvnc", backend, screen, len(looks), frames, statistics.fmean(walls), percentile(walls, 95), cpu_ms
    )


def report(found: Sequence[Captured]) -> str:
    """Return the table."""
    head = ["backend", "screen", "looks", "frames", "avg ms", "p95 ms", "CPU ms"]
    return table(head, [
        [one.backend, one.screen, str(one.looks), str(one.frames), number(one.mean_ms), number(one.p95_ms),
         number(one.cpu_ms)]
        for one in found
    ])  # fmt: skip


@contextmanager
def opened(kind: str, display: str = "") -> Iterator[Source]:
    """Have a source for a while."""
    source = Source(kind, display)
    try:
        yield source
    finally:
        source.close()


def looked(source: Source, count: int, wait: Callable[[], float]) -> list[Look]:
    """Look so often, each time after `wait`, which returns the time of the look; without those to warm up."""
    return [source.look(wait()) for _ in range(WARM_UP + count)][WARM_UP:]


def after_step(painter: Painter) -> Callable[[], float]:
    """Return what waits for the painter's next step, so that each look finds a change."""
    seen = painter.read()[0]

    def wait() -> float:
        nonlocal seen
        end = time.monotonic() + _PATIENCE_S
        while (steps := painter.read()[0]) == seen:
            if time.monotonic() > end:
                raise BenchError("the painter does not paint")
            time.sleep(0.0005)
        seen = steps
        return time.monotonic()

    return wait


def after_a_while() -> float:
    """Wait a little."""
    time.sleep(0.01)
    return time.monotonic()


def steps_of_the_demo() -> Callable[[], float]:
    """Return what lets the time of an animation pass without waiting."""
    now = time.monotonic()

    def wait() -> float:
        nonlocal now
        now += _STEP_S
        return now

    return wait


def measure_x(scene: str, screen: str, count: int) -> Iterator[Captured]:
    """Measure the backends of X on one Xvfb, one after another. Raises: BenchError."""
    with (
        tempfile.TemporaryDirectory(prefix="mpvnc-bench-") as directory,
        running_stage(SCREEN, scene, Path(directory)) as stage,
        pinned(SERVER_CORE),
    ):
        for kind in X_BACKENDS:
            with opened(kind, stage.place.display) as source:
                wait = after_a_while if screen == STILL else after_step(stage.painter)
                looks = looked(source, count, wait)
                yield summary(source.capture.backend, screen, looks)


def measure(count: int) -> Iterator[Captured]:
    """Measure everything. Raises: BenchError, CaptureError."""
    yield from measure_x("video", CHANGING, count)
    with pinned(SERVER_CORE), opened("demo") as source:
        yield summary(source.capture.backend, ANIMATED, looked(source, count, steps_of_the_demo()))
    yield from measure_x("idle", STILL, count)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, and print the table; 1 if something could not be measured."""
    parser = argparse.ArgumentParser(prog="benchmarks.captures", description=__doc__.partition("\n")[0])
    parser.add_argument("--looks", type=int, default=150, help="at each screen, for each backend (150)")
    parser.add_argument("--ledger", type=Path, help="append a row for each line to this file")
    arguments = parser.parse_args(argv)
    try:
        found = list(measure(arguments.looks))
    except (BenchError, CaptureError) as error:
        print(f"benchmarks.captures: {error}", file=sys.stderr)
        return 1
    ledger = Ledger(arguments.ledger)
    for one in found:
        ledger.note(one, {})
    print(f"# Capture of {WIDTH}x{HEIGHT}\n\n{machine()}, pace {pace_ms()} ms\n\n{report(found)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The life of one source: open, ask for a segment, draw, publish, ring; down, and up again.

Owns that order and the pace. Knows neither how a backend captures, nor the layout of a segment, nor control
messages: it meets the last two through `Outlets` and `Writer`. A source that cannot be captured is tried
again for ever; meanwhile the last frame stays.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from mpvnc.capture.base import Capture, PointerUpdate, Slot
from mpvnc.capture.pace import Backoff, Pace, probe_report
from mpvnc.errors import CaptureError
from mpvnc.geometry import Rect

logger = logging.getLogger(__name__)

_PROBE_MAX_S = 2.0
_STEADY_S = 5.0
"""A source that was up for so long has recovered: the next trouble begins with the shortest wait."""


class Writer(Protocol):
    """What is needed of `mpvnc.frames.writer.FrameWriter`."""

    def begin(self) -> Any:
        """Return the next slot."""

    def publish(self, slot: Any, touched: Iterable[Rect]) -> int | None:
        """Publish what differs; None if nothing does."""

    def abandon(self, slot: Any) -> None:
        """Give a slot back."""

    def close(self) -> None:
        """Unmap the segment."""


class Outlets(Protocol):
    """Where results go, and whom to ask for memory."""

    def allocate(self, width: int, height: int) -> None:
        """Ask for a segment; the answer is a call of `take_segment` or `refuse_segment`."""

    def make_writer(self, fd: int, generation: int, width: int, height: int, first_frame: int) -> Writer:
        """Return the writer of a new segment; `fd` stays the caller's."""

    def published(self, generation: int) -> None:
        """The first frame is in a segment."""

    def source_up(self, backend: str) -> None:
        """Frames come."""

    def source_down(self, reason: str) -> None:
        """No frames come; it is tried again."""

    def show_pointer(self, update: PointerUpdate) -> bool:
        """Write the pointer page; return whether anything changed."""

    def ring(self, frame: bool) -> None:
        """Wake all workers, for a new frame or else for the pointer."""


@dataclass(frozen=True, slots=True)
class CaptureSettings:
    """`source` of the configuration, as far as it is about pace: frames per second, frames, milliseconds."""

    frame_rate: float = 60
    probe_frames: int = 0
    probe_warn_ms: float = 40.0


@dataclass(slots=True)
class _Segment:
    fd: int
    generation: int
    size: tuple[int, int]
    writer: Writer
    published: bool = False


class CaptureDriver:
    """One source, driven by `step`; blocks nowhere but in the backend's own requests.

    Not thread-safe. `open_source` returns a new backend or raises CaptureError; `clock` is monotonic.
    """

    def __init__(
        self,
        open_source: Callable[[], Capture],
        outlets: Outlets,
        settings: CaptureSettings,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._open_source, self._outlets, self._clock = open_source, outlets, clock
        self._settings = settings
        self.set_frame_rate(settings.frame_rate)
        self._backoff, self._retry_at = Backoff(), float("-inf")
        self._capture: Capture | None = None
        self._segment: _Segment | None = None
        self._asked: tuple[int, int] | None = None
        self._attached = self._up = False
        self._up_since = 0.0
        self._told: str | None = None
        self._probes_left = settings.probe_frames

    def set_frame_rate(self, rate: float) -> None:
        """Draw at most so many frames a second from now on."""
        self._frames, self._pointers = Pace(rate), Pace(rate)

    def fileno(self) -> int | None:
        """Return the backend's descriptor to watch before the next `step`; changes when it is reopened."""
        return self._capture.fileno() if self._capture else None

    def step(self) -> float | None:
        """Do what is due; return when the next step is, None if only a descriptor or a message brings one."""
        now = self._clock()
        try:
            if self._capture is None:
                if now < self._retry_at:
                    return self._retry_at
                self._capture = self._open_source()
            return self._drive(self._capture, now)
        except CaptureError as error:
            self._lose(str(error))
            return self._retry_at

    def take_segment(self, fd: int, generation: int, width: int, height: int, first_frame: int) -> None:
        """Write into this segment from now on; `fd` is the driver's from now on."""
        self._drop_segment()
        self._asked = None
        writer = self._outlets.make_writer(fd, generation, width, height, first_frame)
        self._segment = _Segment(fd, generation, (width, height), writer)

    def refuse_segment(self, reason: str) -> None:
        """There is no memory for the segment that was asked for."""
        if self._asked:
            width, height = self._asked
            self._asked = None
            self._lose(f"no memory for frames of {width}x{height}: {reason}")

    def close(self) -> None:
        """Let go of the source and the segment."""
        self._close_capture()
        self._drop_segment()

    def _drive(self, capture: Capture, now: float) -> float | None:
        capture.handle_events()
        segment = self._segment
        if segment is None or segment.size != capture.size:
            self._ask(capture.size)
            return None
        if not self._attached:
            capture.attach(segment.fd, *segment.size)
            self._attached = True
        frame_at = self._frames.due(capture.frame_due(now))
        if frame_at is not None and frame_at <= now:
            self._frame(capture, segment, now)
            capture.handle_events()  # what came while it was drawn waits in the library, where no select sees it
            if segment.size != capture.size:
                return now
            frame_at = self._frames.due(capture.frame_due(now))
        pointer_at = self._pointers.due(capture.pointer_due(now))
        if pointer_at is not None and pointer_at <= now:
            self._show_pointer(capture, now)
            return now
        due = [at for at in (frame_at, pointer_at) if at is not None]
        return min(due, default=None)

    def _frame(self, capture: Capture, segment: _Segment, now: float) -> None:
        self._frames.done(now)
        self._draw(capture, segment, now)
        if not self._up:
            self._tell_up(capture)
        if self._probes_left and segment.published and segment.size == capture.size:
            self._probe(capture, segment)

    def _draw(self, capture: Capture, segment: _Segment, now: float) -> None:
        slot: Slot = segment.writer.begin()
        try:
            touched = capture.draw(slot, now)
        except BaseException:
            segment.writer.abandon(slot)
            raise
        if not touched:
            segment.writer.abandon(slot)
        elif segment.writer.publish(slot, touched) is not None:
            if not segment.published:
                segment.published = True
                self._outlets.published(segment.generation)
            self._outlets.ring(frame=True)

    def _probe(self, capture: Capture, segment: _Segment) -> None:
        wanted, self._probes_left = self._probes_left, 0
        durations: list[float] = []
        began = self._clock()
        while len(durations) < wanted and self._clock() - began < _PROBE_MAX_S:
            capture.invalidate()
            start = self._clock()
            self._draw(capture, segment, start)
            durations.append(self._clock() - start)
        average_ms, report = probe_report(durations)
        logger.info("%s: %s", capture.backend, report)
        if average_ms > self._settings.probe_warn_ms:
            logger.warning(
                "%s: a whole frame takes %.2f ms, more than source.probe_warn_ms (%g)",
                capture.backend, average_ms, self._settings.probe_warn_ms,
            )  # fmt: skip

    def _show_pointer(self, capture: Capture, now: float) -> None:
        self._pointers.done(now)
        update = capture.pointer(now)
        if update is not None and self._outlets.show_pointer(update):
            self._outlets.ring(frame=False)

    def _ask(self, size: tuple[int, int]) -> None:
        if self._asked is None:
            self._asked = size
            self._outlets.allocate(*size)

    def _tell_up(self, capture: Capture) -> None:
        self._up, self._told, self._up_since = True, None, self._clock()
        logger.info("source up: %s, %dx%d", capture.backend, *capture.size)
        self._outlets.source_up(capture.backend)

    def _lose(self, reason: str) -> None:
        self._close_capture()
        if self._up and self._clock() - self._up_since > _STEADY_S:
            self._backoff.reset()
        self._up = False
        self._retry_at = self._clock() + self._backoff.next()
        if reason != self._told:
            self._told = reason
            self._outlets.source_down(reason)

    def _close_capture(self) -> None:
        self._attached = False
        if self._capture:
            self._capture.close()
            self._capture = None

    def _drop_segment(self) -> None:
        self._attached = False
        if self._segment:
            self._segment.writer.close()
            os.close(self._segment.fd)
            self._segment = None

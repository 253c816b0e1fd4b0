"""The capture role: one backend, one writer of frames, the pointer page, the bells and the supervisor.

It holds no cleverness: when to draw is `mpvnc.capture.driver`'s business. Never loads an encoder.
"""

from __future__ import annotations

import logging
import os
import select
import sys
import time
from contextlib import suppress
from functools import partial

from mpvnc.capture.base import PointerUpdate
from mpvnc.capture.choose import SourceSettings, open_capture, settle
from mpvnc.capture.driver import CaptureDriver, CaptureSettings
from mpvnc.config import Config
from mpvnc.errors import ControlError
from mpvnc.frames.pointer import PointerPage
from mpvnc.frames.writer import FrameWriter
from mpvnc.ipc.control import Message
from mpvnc.metrics import Counter
from mpvnc.pointer import Cursor
from mpvnc.workers.runtime import BEAT_INTERVAL_S, Runtime, start

logger = logging.getLogger(__name__)


class SupervisorOutlets:
    """The driver's outlets in a child process."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._page = PointerPage(runtime.pointer_fd, writable=True)

    def allocate(self, width: int, height: int) -> None:
        """Ask the supervisor for a segment."""
        self._runtime.send({"type": "allocate", "width": width, "height": height})

    def make_writer(self, fd: int, generation: int, width: int, height: int, first_frame: int) -> FrameWriter:
        """Return the writer of a segment."""
        return FrameWriter(fd, generation, width, height, first_frame)

    def published(self, generation: int) -> None:
        """Let the encoders have the segment."""
        self._runtime.send({"type": "published", "generation": generation})

    def source_up(self, backend: str) -> None:
        """Tell the supervisor."""
        self._runtime.send({"type": "source", "state": "up", "backend": backend})

    def source_down(self, reason: str) -> None:
        """Tell the supervisor."""
        self._runtime.send({"type": "source", "state": "down", "reason": reason})

    def show_pointer(self, update: PointerUpdate) -> bool:
        """Write into the pointer page what changed."""
        before = self._page.version
        if update.shape is not None:
            self._page.write_cursor(Cursor(*update.shape))
        self._page.write_position(update.x, update.y, update.visible)
        return self._page.version != before

    def ring(self, frame: bool) -> None:
        """Ring every worker's bell."""
        if frame:
            self._runtime.counters.add(Counter.FRAMES)
        for bell in self._runtime.bells:
            with suppress(BlockingIOError):
                os.eventfd_write(bell, 1)

    def close(self) -> None:
        """Unmap the pointer page."""
        self._page.close()


def main() -> int:
    """Run until the supervisor says drain or is gone."""
    runtime = start("capture")
    settings = source_settings(runtime.source, runtime.config)
    kind = settle(settings)
    source = runtime.config.source
    outlets = SupervisorOutlets(runtime)
    pace = CaptureSettings(source.frame_rate, source.probe_frames, source.probe_warn_ms)
    driver = CaptureDriver(partial(open_capture, kind, settings), outlets, pace)
    try:
        runtime.ready()
        serve(runtime, driver)
    except ControlError as error:
        logger.info("the supervisor is gone: %s", error)
    finally:
        driver.close()
        outlets.close()
        runtime.close()
    return 0


def serve(runtime: Runtime, driver: CaptureDriver) -> None:
    """Turn the loop until drain or EOF. `select` because its time-outs are not rounded to milliseconds."""
    control, hear = runtime.control, partial(handle_message, driver)
    beat_at = 0.0
    while True:
        now = time.monotonic()
        if now >= beat_at:
            runtime.beat()
            beat_at = now + BEAT_INTERVAL_S
        step_at = driver.step()
        wake_at = beat_at if step_at is None else min(beat_at, step_at)
        source = driver.fileno()
        watched = [control.fileno()] if source is None else [control.fileno(), source]
        readable, _, _ = select.select(watched, [], [], max(wake_at - time.monotonic(), 0))
        if control.fileno() in readable and not runtime.hear(hear):
            return


def handle_message(driver: CaptureDriver, message: Message, fds: list[int]) -> None:
    """Give the driver what is meant for it."""
    if message["type"] == "segment" and len(fds) == 1:
        frame = message["first_frame"]
        driver.take_segment(fds[0], message["generation"], message["width"], message["height"], frame)
        return
    for fd in fds:
        os.close(fd)
    if message["type"] == "segment":
        driver.refuse_segment("its descriptor did not arrive")
    elif message["type"] == "refused":
        driver.refuse_segment(message["reason"])
    elif message["type"] == "reconfigure":
        driver.set_frame_rate(message["config"]["source"]["frame_rate"])


def source_settings(kind: str, config: Config) -> SourceSettings:
    """Return what is to be captured, from the kind that the supervisor settled on and the configuration.

    The supervisor takes "auto" for x11 as soon as an X server answers; here it is seen whether that can be
    captured.
    """
    source, server = config.source, config.server
    if (source.kind, kind) == ("auto", "x11"):
        kind = "auto"
    host = f"[{server.host}]" if ":" in server.host else server.host
    hint = "" if server.listeners or not server.port else f"vnc://{host}:{server.port}"
    return SourceSettings(kind, source.display, source.width, source.height, hint)


if __name__ == "__main__":
    sys.exit(main())

"""A publisher's link to its supervisor: control messages, the segment that is written, the bells.

Owns: the control socket, the FrameWriter, the status page and the bells. Knows no surface and no event.
Methods may be called from several threads; only one of them may write frames.
"""

from __future__ import annotations

import contextlib
import os
import select
import threading
import time
from collections.abc import Iterable
from typing import Protocol

from mpvnc.damage import Move
from mpvnc.errors import ControlError, FrameError, PublishError
from mpvnc.frames.writer import FrameWriter
from mpvnc.geometry import Rect
from mpvnc.ipc.control import ControlSocket, Message
from mpvnc.metrics import Counter, StatusPage
from mpvnc.pixels import Pixels

ANSWER_TIMEOUT_S = 10.0
START_TIMEOUT_S = 30.0
_BELL = (1).to_bytes(8, "little")


class Readable(Protocol):
    """Something with a descriptor."""

    def fileno(self) -> int:
        """Return it."""


def wait_readable(readables: Iterable[Readable | int], timeout_s: float) -> None:
    """Wait until one of them is readable or the time is over; those that are closed are not waited for."""
    poll = select.poll()
    for readable in readables:
        fd = readable if isinstance(readable, int) else readable.fileno()
        if fd >= 0:
            poll.register(fd, select.POLLIN)
    poll.poll(max(timeout_s, 0.0) * 1000)


class Link:
    """A connection on which this process is the writer.

    Args:
        control: the socket, taken over.
        hello: the publish message.

    Raises: PublishError if the supervisor refuses, or ends, or does not answer.
    """

    def __init__(self, control: ControlSocket, hello: Message) -> None:
        self.is_gone = False
        """The supervisor ended the connection."""
        self._control = control
        self._lock = threading.RLock()
        self._answer: tuple[Message, list[int]] | None = None
        self._writer: FrameWriter | None = None
        control.set_blocking(False)
        answer, fds = self._ask(hello, START_TIMEOUT_S)
        if len(fds) < 2:
            raise PublishError("too many open files: the server's descriptors did not arrive")
        status_fd, pointer_fd, *self._bells = fds
        self._status = StatusPage(status_fd, answer["slots"])
        for fd in (status_fd, pointer_fd):
            os.close(fd)
        self._workers = range(answer["workers"])
        self._counters = self._status.slot(answer["slot"])
        self.events_endpoint: str = answer["bus"]["events"]
        self.listeners: tuple[str, ...] = tuple(answer["listeners"])
        self.instance: str = answer["instance"]
        self.surface_name: str = answer["surface"]

    def fileno(self) -> int:
        """The fd that is readable when `pump` has something to do."""
        return self._control.fileno()

    @property
    def viewers(self) -> int:
        """How many sessions the workers have now."""
        return sum(self._status.slot(slot).get(Counter.CLIENTS) for slot in self._workers)

    def publish(
        self, pixels: Pixels, damage: Iterable[Rect] | None, moves: Iterable[Move] = ()
    ) -> int | None:
        """Publish a frame; a new size gets a new segment first. Returns its number, None if nothing changed.

        Raises: PublishError if there is no memory for it, or the supervisor is gone.
        """
        self.pump()
        self.check()
        height, width = pixels.shape
        try:
            if self._writer is not None and (self._writer.width, self._writer.height) == (width, height):
                frame = self._writer.publish_pixels(pixels, damage, moves)
            else:
                frame = self._publish_first(pixels)
        except FrameError as error:
            raise PublishError(f"cannot publish a frame: {error}") from error
        if frame is not None:
            self._counters.add(Counter.FRAMES)
            self._ring()
        return frame

    def send(self, message: Message) -> None:
        """Send to the supervisor. Raises: PublishError if it is gone."""
        with self._lock:
            self.pump()
            self.check()
            try:
                self._control.send_or_queue(message)
            except ControlError as error:
                self.is_gone = True
                raise PublishError(f"the server is gone: {error}") from error

    def pump(self) -> None:
        """Take what the supervisor says, without waiting; `is_gone` afterwards if it went."""
        with self._lock:
            while not self.is_gone:
                try:
                    self._control.flush()
                    received = self._control.receive()
                except BlockingIOError:
                    return
                except ControlError:
                    received = None
                self._received(received)

    def check(self) -> None:
        """Raises: PublishError if the supervisor is gone."""
        if self.is_gone:
            raise PublishError("the server has stopped")

    def close(self) -> None:
        """Give everything back; also for a forked child, which has copies of it. Never raises."""
        if self._control.fileno() < 0:
            return
        self.is_gone = True
        self._control.close()
        self._status.close()
        while self._bells:
            with contextlib.suppress(OSError):
                os.close(self._bells.pop())
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _publish_first(self, pixels: Pixels) -> int | None:
        height, width = pixels.shape
        answer, fds = self._ask({"type": "allocate", "width": width, "height": height}, ANSWER_TIMEOUT_S)
        try:
            writer = FrameWriter(fds[0], answer["generation"], width, height, answer["first_frame"])
        finally:
            for fd in fds:
                os.close(fd)
        old, self._writer = self._writer, writer
        if old is not None:
            old.close()
        frame = writer.publish_pixels(pixels)
        self.send({"type": "published", "generation": answer["generation"]})
        return frame

    def _ask(self, message: Message, timeout_s: float) -> tuple[Message, list[int]]:
        deadline = time.monotonic() + timeout_s
        self._answer = None
        self.send(message)
        while True:
            with self._lock:
                answer = self._answer
            if answer is not None:
                break
            self.check()
            if time.monotonic() > deadline:
                raise PublishError(f"the server did not answer {message['type']} within {timeout_s:.0f} s")
            wait_readable([self], 0.1)
            self.pump()
        if answer[0]["type"] == "refused":
            raise PublishError(f"the server refused: {answer[0].get('reason', message['type'])}")
        return answer

    def _received(self, received: tuple[Message, list[int]] | None) -> None:
        if received is None:
            self.is_gone = True
            return
        message, fds = received
        if message["type"] in ("publish_ok", "segment", "refused"):
            self._answer = (message, fds)
            return
        for fd in fds:
            os.close(fd)

    def _ring(self) -> None:
        for bell in self._bells:
            with contextlib.suppress(BlockingIOError):
                os.write(bell, _BELL)

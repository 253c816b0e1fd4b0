"""A publisher's link to its supervisor: control messages, the segment that is written, the bells.

Owns: the control socket, the FrameWriter, the pages and the bells. Knows no surface and no event.
Methods may be called from several threads; only one of them may write frames.
"""

from __future__ import annotations

import contextlib
import os
import select
import threading
import time
from collections.abc import Iterable, Mapping
from typing import Protocol

from mpvnc.damage import Move
from mpvnc.errors import ControlError, FrameError, PublishError
from mpvnc.frames.audience import Shown, shown
from mpvnc.frames.pointer import PointerPage
from mpvnc.frames.writer import FrameWriter
from mpvnc.geometry import Rect
from mpvnc.ipc.control import ControlSocket, Message
from mpvnc.ipc.parcels import make_parcel
from mpvnc.metrics import Counter, StatusPage
from mpvnc.pixels import Pixels
from mpvnc.pointer import Cursor

ANSWER_TIMEOUT_S = 10.0
GLANCE_S = 0.05
"""A supervisor that went is noticed so soon by a program that does nothing but draw."""
NO_SHAPE = Cursor(1, 1, 0, 0, bytes(4))
"""Stands in the pointer page for a hidden cursor."""
_REFUSALS = ("refused", "bad_config")
_ANSWERS = ("segment", "reloaded", "brought", "kicked", *_REFUSALS)
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


class Greeting:
    """A publisher's first message, until it is answered. Takes `control` over. Not for several threads.

    Args:
        hello: the publish message.

    Raises: PublishError if the supervisor is gone already.
    """

    def __init__(self, control: ControlSocket, hello: Message) -> None:
        self._control = control
        control.set_blocking(False)
        try:
            control.send_or_queue(hello)
        except ControlError as error:
            control.close()
            raise PublishError(f"the server is gone: {error}") from error

    def fileno(self) -> int:
        """The fd that is readable when `answered` has something to look at."""
        return self._control.fileno()

    def answered(self) -> Link | None:
        """Return the link if there is an answer, without waiting; this is over then.

        Raises: PublishError if the supervisor refuses or ends; this is over then too.
        """
        try:
            received = self._control.receive()
        except BlockingIOError:
            return None
        except ControlError:
            received = None
        try:
            return Link(self._control, *_welcome(received))
        except BaseException:
            self.close()
            raise

    def wait(self, timeout_s: float) -> Link:
        """Return the link when there is an answer. Raises: PublishError as `answered` does, or at the time-out."""
        deadline = time.monotonic() + timeout_s
        while (link := self.answered()) is None:
            left = deadline - time.monotonic()
            if left <= 0:
                self.close()
                raise PublishError(f"the server did not answer within {timeout_s:.0f} s")
            wait_readable([self], left)
        return link

    def close(self) -> None:
        """Give up; the supervisor sees us go."""
        self._control.close()


class Link:
    """A connection on which this process is the writer. Made by `Greeting`.

    Args:
        control: the socket, taken over.
        welcome: the supervisor's publish_ok, and what came with it: status page, pointer page, bells.
    """

    def __init__(self, control: ControlSocket, welcome: Message, fds: list[int]) -> None:
        self.is_gone = False
        """The supervisor ended the connection."""
        self._control = control
        self._pump_at = 0.0
        self._lock = threading.RLock()
        self._answer: tuple[Message, list[int]] | None = None
        self._late = 0
        """How many answers are still to come that nobody waits for any more; they come in order."""
        self._writer: FrameWriter | None = None
        status_fd, pointer_fd, *self._bells = fds
        self._status = StatusPage(status_fd, welcome["slots"])
        self._pointer = PointerPage(pointer_fd, writable=True)
        for fd in (status_fd, pointer_fd):
            os.close(fd)
        self._workers = [self._status.slot(slot) for slot in range(welcome["workers"])]
        self._counters = self._status.slot(welcome["slot"])
        self.events_endpoint: str = welcome["bus"]["events"]
        self.listeners: tuple[str, ...] = tuple(welcome["listeners"])
        self.instance: str = welcome["instance"]
        self.surface_name: str = welcome["surface"]

    def fileno(self) -> int:
        """The fd that is readable when `pump` has something to do."""
        return self._control.fileno()

    @property
    def frame(self) -> int:
        """The number of the newest frame published here, 0 before the first."""
        return self._writer.frame if self._writer is not None else 0

    def last(self) -> Pixels | None:
        """Return a copy of the newest frame published here, None if there is none."""
        pixels = None if self._writer is None else self._writer.pixels
        return None if pixels is None else pixels.copy()

    def shown(self) -> Shown:
        """Return how far the frames have come."""
        return shown(self._workers)

    def point(self, cursor: Cursor | None) -> None:
        """Give the viewers' own pointers a shape, or none."""
        with self._lock:
            self.check()
            self._pointer.write_cursor(cursor or NO_SHAPE)
            self._pointer.write_own(cursor is not None)
            self._ring()

    def publish(
        self, pixels: Pixels, damage: Iterable[Rect] | None, moves: Iterable[Move] = ()
    ) -> int | None:
        """Publish a frame; a new size gets a new segment first. Returns its number, None if nothing changed.

        Raises: PublishError if there is no memory for it, or the supervisor is gone.
        """
        self.check()
        height, width = pixels.shape
        try:
            if self._writer is not None and (self._writer.width, self._writer.height) == (width, height):
                frame = self._writer.publish_pixels(pixels, damage, moves)
            else:
                frame = self._publish_first(pixels)
        except FrameError as error:
            raise PublishError(f"cannot publish a frame: {error}") from error
        except PublishError:
            raise
        except BaseException:
            # Ctrl-C, in the middle of a frame: nobody knows what the segment holds. The next frame has a new one.
            self._drop_writer()
            raise
        if frame is not None:
            self._counters.add(Counter.FRAMES)
            self._ring()
        return frame

    def send(self, message: Message, fds: Iterable[int] = ()) -> None:
        """Send to the supervisor; `fds` stay the caller's. Raises: PublishError if it is gone."""
        with self._lock:
            self.pump()
            self.check()
            try:
                self._control.send_or_queue(message, fds)
            except ControlError as error:
                self.is_gone = True
                raise PublishError(f"the server is gone: {error}") from error

    def rename(self, name: str) -> None:
        """Change the desktop's name. Raises: PublishError if the server is gone."""
        self.send({"type": "notice", "notice": "desktop_name", "name": name})

    def send_clipboard(self, packed: bytes) -> None:
        """Send the viewers' clipboard, as `Clipboard.pack` writes it. Raises: PublishError if the server is gone."""
        fd = make_parcel(packed)
        try:
            self.send({"type": "clipboard"}, [fd])
        finally:
            os.close(fd)

    def change_settings(
        self, settings: Mapping[str, object], passwords: Mapping[str, str | None] | None
    ) -> None:
        """Have the supervisor take other settings. Raises: PublishError if it does not, or is gone."""
        self._ask(
            {"type": "settings", "settings": dict(settings), "passwords": passwords and dict(passwords)}
        )

    def bring(self, fd: int) -> int:
        """Have a connection served as a viewer's; return the viewer's id. `fd` stays the caller's.

        Raises: PublishError if the server is gone, or that is no connection.
        """
        try:
            sent = os.dup(fd)
        except OSError as error:
            raise PublishError(f"that is no connection: {error.strerror}") from error
        try:
            answer, _ = self._ask({"type": "viewer"}, [sent])
        finally:
            os.close(sent)
        return int(answer["client"])

    def disconnect(self, client: int) -> None:
        """Have a viewer sent away; nothing happens if there is none of that id."""
        try:
            self._ask({"type": "kick", "client": client})
        except PublishError:
            self.check()

    def glance(self) -> None:
        """Do as `pump` if that was not done just now: what every frame does costs no system call."""
        if time.monotonic() >= self._pump_at:
            self.pump()

    def pump(self) -> None:
        """Take what the supervisor says, without waiting; `is_gone` afterwards if it went."""
        self._pump_at = time.monotonic() + GLANCE_S
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
        for page in (self._status, self._pointer):
            page.close()
        while self._bells:
            with contextlib.suppress(OSError):
                os.close(self._bells.pop())
        self._drop_writer()

    def _drop_writer(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()

    def _publish_first(self, pixels: Pixels) -> int | None:
        height, width = pixels.shape
        answer, fds = self._ask({"type": "allocate", "width": width, "height": height})
        if not fds:
            raise PublishError("too many open files: the frame's memory did not arrive")
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

    def _ask(self, message: Message, fds: Iterable[int] = ()) -> tuple[Message, list[int]]:
        deadline = time.monotonic() + ANSWER_TIMEOUT_S
        self._answer = None
        self.send(message, fds)
        try:
            while (answer := self._answered(deadline)) is None:
                wait_readable([self], 0.1)
                self.pump()
        except BaseException:
            self._forsake()
            raise
        if answer[0]["type"] in _REFUSALS:
            raise PublishError(f"the server refused: {answer[0].get('reason', message['type'])}")
        return answer

    def _answered(self, deadline: float) -> tuple[Message, list[int]] | None:
        """Return the answer if it is there. Raises: PublishError if there will be none, or it takes too long."""
        with self._lock:
            if self._answer is not None:
                return self._answer
            self.check()
            if time.monotonic() > deadline:
                raise PublishError(f"the server did not answer within {ANSWER_TIMEOUT_S:.0f} s")
            return None

    def _forsake(self) -> None:
        """Let the answer be nobody's, whether it has come or not: Ctrl-C, or it took too long."""
        with self._lock:
            answer, self._answer = self._answer, None
            self._late += answer is None
            for fd in answer[1] if answer is not None else ():
                os.close(fd)

    def _received(self, received: tuple[Message, list[int]] | None) -> None:
        if received is None:
            self.is_gone = True
            return
        message, fds = received
        is_answer = message["type"] in _ANSWERS
        if is_answer and not self._late:
            self._answer = (message, fds)
            return
        self._late -= is_answer
        for fd in fds:
            os.close(fd)

    def _ring(self) -> None:
        for bell in self._bells:
            with contextlib.suppress(BlockingIOError):
                os.write(bell, _BELL)


def _welcome(received: tuple[Message, list[int]] | None) -> tuple[Message, list[int]]:
    """Return what was received if it is a welcome. Raises: PublishError."""
    if received is None:
        raise PublishError("the server has stopped")
    message, fds = received
    if message["type"] == "publish_ok" and len(fds) >= 2:
        return message, fds
    for fd in fds:
        os.close(fd)
    if message["type"] == "publish_ok":
        raise PublishError("too many open files: the server's descriptors did not arrive")
    raise PublishError(str(message.get("reason", message["type"])))

"""What a publisher needs of a supervisor, in a thread: segments, pages, and the answers."""

from __future__ import annotations

import os
import secrets
import threading
import time
from pathlib import Path

from mpvnc.frames.layout import segment_bytes
from mpvnc.frames.pointer import PointerPage, pointer_page_bytes
from mpvnc.frames.reader import FrameReader
from mpvnc.frames.store import Segment, create_segment
from mpvnc.ipc.control import ControlSocket, Message, pair
from mpvnc.metrics import StatusPage, create_status_page, slot_count

WORKERS = 2


class FakeSupervisor:
    """Answers one publisher at the other end of `theirs`."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(exist_ok=True)
        self.ours, self.theirs = pair()
        self.endpoint = f"ipc://{directory}/events"
        self.heard: list[Message] = []
        self.fds: list[int] = []
        """What came with the messages."""
        self.refuse_with = ""
        self.is_slow = False
        """Whether answers have to wait."""
        self.segments: list[Segment] = []
        self.frames = 0
        slots = slot_count(WORKERS)
        self._status_fd = create_status_page(slots)
        self.status = StatusPage(self._status_fd, slots)
        self._pointer_fd = os.memfd_create("pointer")
        os.ftruncate(self._pointer_fd, pointer_page_bytes())
        self.pointer = PointerPage(self._pointer_fd, writable=False)
        self.bells = [os.eventfd(0, os.EFD_NONBLOCK) for _ in range(WORKERS)]
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def reader(self) -> FrameReader:
        """Return a new reader of the newest segment, refreshed."""
        reader = FrameReader(self.segments[-1].fd)
        reader.refresh()
        self.frames = max(self.frames, reader.frame)
        return reader

    def types(self) -> list[str]:
        return [message["type"] for message in self.heard]

    def hang_up(self) -> None:
        """End the connection, as a supervisor that stops."""
        self.ours.shut()
        self._thread.join(5)
        self.ours.close()

    def close(self) -> None:
        self.hang_up()
        self.theirs.close()
        self.status.close()
        self.pointer.close()
        for fd in (self._status_fd, self._pointer_fd, *self.bells, *self.fds):
            os.close(fd)
        for segment in self.segments:
            segment.unlink()
            segment.close()

    def _run(self) -> None:
        while (received := self.ours.receive()) is not None:
            message, fds = received
            self.fds += fds
            self.heard.append(message)
            while self.is_slow:
                time.sleep(0.001)
            if self.refuse_with and message["type"] in ("publish", "allocate"):
                self.ours.send({"type": "refused", "reason": self.refuse_with})
            elif message["type"] == "publish":
                self._welcome(self.ours)
            elif message["type"] == "allocate":
                self._allocate(self.ours, message["width"], message["height"])
            elif message["type"] == "viewer":
                self.ours.send({"type": "brought", "client": 7})
            elif message["type"] == "kick":
                self.ours.send({"type": "refused", "reason": f"there is no client {message['client']}"})

    def _welcome(self, control: ControlSocket) -> None:
        answer = {
            "type": "publish_ok",
            "workers": WORKERS,
            "slot": WORKERS,
            "slots": slot_count(WORKERS),
            "bus": {"events": self.endpoint, "notices": ""},
            "instance": "default",
            "surface": "stage",
            "listeners": ["vnc://127.0.0.1:5900"],
        }
        control.send(answer, [self._status_fd, self._pointer_fd, *self.bells])

    def _allocate(self, control: ControlSocket, width: int, height: int) -> None:
        name = f"mpvnc-test-{secrets.token_hex(4)}"
        segment = create_segment(name, segment_bytes(width, height))
        self.segments.append(segment)
        first_frame = 1000 * len(self.segments)
        control.send(
            {
                "type": "segment",
                "generation": len(self.segments),
                "width": width,
                "height": height,
                "first_frame": first_frame,
            },
            [segment.fd],
        )

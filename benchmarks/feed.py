"""Publishes the painter's canvas to a running mpvnc, as an animator does: one comparison and copy for a step.

    feed.py CONTROL_SOCKET CANVAS_FD       stdin: what changed, as painter.c tells it

A program of its own, part of the server's cost. It is the publisher of docs/architecture-control.md.
"""

from __future__ import annotations

import mmap
import os
import struct
import sys

import numpy as np

from mpvnc.frames.writer import FrameWriter
from mpvnc.geometry import Rect
from mpvnc.ipc.control import ControlSocket

WIDTH, HEIGHT = 1920, 1080
_RECT = struct.Struct("<4i")


def read_changes() -> list[Rect]:
    """Return the rects of the next step; the program ends with the painter."""
    head = os.read(0, 4)
    if len(head) < 4:
        raise SystemExit
    (count,) = struct.unpack("<i", head)
    data = os.read(0, count * _RECT.size)
    return [Rect(*numbers) for numbers in _RECT.iter_unpack(data)]


def answer_of(control: ControlSocket, kind: str) -> list[int]:
    """Return the descriptors of the next message of a kind."""
    while True:
        received = control.receive()
        if received is None or received[0]["type"] == "refused":
            raise SystemExit(f"feed: not taken: {received}")
        if received[0]["type"] == kind:
            return received[1]


def main() -> None:
    """Publish until the painter ends."""
    control = ControlSocket.connect(sys.argv[1])
    control.send({"type": "publish", "name": "bench", "title": "bench", "width": WIDTH, "height": HEIGHT})
    bells = answer_of(control, "publish_ok")[2:]
    control.send({"type": "allocate", "width": WIDTH, "height": HEIGHT})
    (segment,) = answer_of(control, "segment")
    writer = FrameWriter(segment, 1, WIDTH, HEIGHT, 1)
    memory = mmap.mmap(int(sys.argv[2]), WIDTH * HEIGHT * 4, prot=mmap.PROT_READ)
    canvas = np.frombuffer(memory, np.uint32).reshape(HEIGHT, WIDTH)
    read_changes()
    writer.publish_pixels(canvas)
    control.send({"type": "source", "state": "up"})
    control.send({"type": "published", "generation": 1})
    while True:
        if writer.publish_pixels(canvas, read_changes()) is not None:
            for bell in bells:
                os.eventfd_write(bell, 1)


if __name__ == "__main__":
    main()

"""A frame segment of one slot, for tests of capture backends alone."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

from mpvnc.capture.base import Capture
from mpvnc.geometry import Rect
from mpvnc.pixels import Pixels

OFFSET = 4096


class OneSlot:
    """A slot in memory that can be shared: it is the newest frame and the one in the making."""

    def __init__(self, width: int, height: int) -> None:
        self.fd = os.memfd_create("mpvnc-test", os.MFD_CLOEXEC)
        os.truncate(self.fd, OFFSET + width * height * 4)
        self.width, self.height, self.offset = width, height, OFFSET
        self.pixels: Pixels = np.memmap(f"/proc/self/fd/{self.fd}", np.uint32, "r+", OFFSET, (height, width))
        self.stale: Sequence[Rect] = []

    def attach_to(self, capture: Capture) -> None:
        """Make `capture` draw here."""
        capture.attach(self.fd, self.width, self.height)

    def close(self) -> None:
        """Let go of the memory."""
        os.close(self.fd)

"""The frame segments of a running instance: made when a writer asks, given to encoders when it has published.

Owns generations, their names and when a name is removed. Never maps pixels, never loads numpy.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from mpvnc.errors import ControlError, FrameError
from mpvnc.frames import store
from mpvnc.ipc.control import Message


@dataclass(frozen=True, slots=True)
class Generation:
    """One segment and what its readers are told."""

    number: int
    width: int
    height: int
    first_frame: int
    segment: store.Segment

    @property
    def message(self) -> Message:
        """The `segment` message; the descriptor is `segment.fd`."""
        return {
            "type": "segment",
            "generation": self.number,
            "width": self.width,
            "height": self.height,
            "first_frame": self.first_frame,
        }

    def dispose(self) -> None:
        """Remove the name and close the descriptor; who has the segment keeps it."""
        self.segment.unlink()
        self.segment.close()


class Numbering:
    """The numbers of an instance's generations and the names of their segments, each given once.

    One for all surfaces: what encoders share is found by the generation's number.
    """

    def __init__(self, instance: str) -> None:
        # A token, because names may be taken: by orphans that still hold a predecessor's segment, or by an
        # instance of the same name in another runtime directory.
        self._prefix = f"{store.name_prefix(instance)}{secrets.token_hex(4)}-"
        self._number = 0
        store.unlink_stale(instance)

    def next(self) -> tuple[int, str]:
        """Return the next number and the name of its segment."""
        self._number += 1
        return self._number, f"{self._prefix}{self._number}"


class Segments:
    """At most two generations of one surface: what encoders have, and what its writer has not published yet."""

    def __init__(self, numbering: Numbering) -> None:
        self._numbering = numbering
        self.current: Generation | None = None
        self._pending: Generation | None = None

    def allocate(self, width: int, height: int) -> Generation:
        """Make a segment for a new generation, in place of one that was never published.

        Its frame numbers go on behind those of the current one.

        Raises: FrameError if the size cannot be met; the message says which and why.
        """
        self.abandon_pending()
        number, name = self._numbering.next()
        segment = store.create_frame_segment(name, width, height)
        self._pending = Generation(number, width, height, self.newest_frame + 1, segment)
        return self._pending

    def publish(self, number: int) -> Generation:
        """The writer's first frame is in the segment: it is the current one, the previous loses its name.

        Raises: ControlError if that generation was not the last one allocated.
        """
        if self._pending is None or self._pending.number != number:
            raise ControlError(f"generation {number} was published, but it was not the last allocated")
        previous, self.current, self._pending = self.current, self._pending, None
        if previous is not None:
            previous.dispose()
        return self.current

    @property
    def newest_frame(self) -> int:
        """The number of the newest published frame; 0 if there is none."""
        if self.current is None:
            return 0
        newest = store.read_newest(self.current.segment.fd)
        return self.current.first_frame if newest is None else newest[0]

    def abandon_pending(self) -> None:
        """The writer went, or asks anew, before it published."""
        if self._pending is not None:
            self._pending.dispose()
            self._pending = None

    def close(self) -> None:
        """Dispose of all."""
        self.abandon_pending()
        if self.current is not None:
            self.current.dispose()
            self.current = None


def checked_size(message: Message) -> tuple[int, int]:
    """Return (width, height) of an `allocate` message; raises FrameError if they are no sizes."""
    width, height = message.get("width"), message.get("height")
    if not (isinstance(width, int) and isinstance(height, int)):
        raise FrameError(f"a frame of {width!r}x{height!r}")
    return width, height

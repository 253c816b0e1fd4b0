"""The receive buffer: bytes that arrived and are not understood yet.

A parser reads from it field by field and knows nothing of segmentation: a read behind the last byte raises
`NeedMoreData`, and the reader's position goes back to the restore point, where the message began. So that a
message that arrives byte by byte costs no more than one that arrives whole, a parser calls `require` for a
body of variable length before it reads any of it: each try is then a few fixed fields.

The buffer is bounded by its readers: what `require` is asked for has met its limit, and everything complete
is read before more is appended.
"""

from __future__ import annotations

import struct


class NeedMoreData(Exception):
    """The message in the buffer is not complete; nothing is wrong with it. Never leaves `mpvnc.rfb`."""


class ReceiveBuffer:
    """A queue of bytes with a reading position and one restore point behind it."""

    __slots__ = ("_data", "_position", "_restore_point", "_to_skip")

    def __init__(self) -> None:
        self._data = bytearray()
        self._position = 0
        self._restore_point = 0
        self._to_skip = 0

    def __len__(self) -> int:
        return len(self._data) - self._position

    def append(self, data: bytes) -> None:
        """Add `data`, which is copied, behind everything else; what is to be skipped is not kept."""
        if self._to_skip:
            skipped = min(self._to_skip, len(data))
            self._to_skip -= skipped
            data = data[skipped:]
        self._data += data

    def clear(self) -> None:
        """Forget everything, and give the memory back."""
        self._data = bytearray()
        self._position = self._restore_point = self._to_skip = 0

    @property
    def is_skipping(self) -> bool:
        """Whether bytes that are to be skipped have not come yet; it is empty then."""
        return self._to_skip > 0

    def set_restore_point(self) -> None:
        """Make the present position the one that `restore` goes back to."""
        self._restore_point = self._position

    def restore(self) -> None:
        """Go back to the restore point: what was read since then is unread."""
        self._position = self._restore_point

    def discard_read(self) -> None:
        """Free what was read; the restore point is then the present position.

        Once per batch of messages, not per message: it moves what remains.
        """
        if self._position == len(self._data):
            self._data.clear()
        elif self._position:
            del self._data[: self._position]
        self._position = self._restore_point = 0

    def require(self, count: int) -> None:
        """Raise NeedMoreData unless `count` unread bytes are there."""
        if len(self._data) - self._position < count:
            raise NeedMoreData

    def unpack(self, layout: struct.Struct) -> tuple[int, ...]:
        """Read the fields of `layout`, all of them integers; all or none."""
        self.require(layout.size)
        fields = layout.unpack_from(self._data, self._position)
        self._position += layout.size
        return fields

    def take(self, count: int) -> bytes:
        """Read `count` bytes, as a copy."""
        self.require(count)
        start = self._position
        self._position += count
        return bytes(self._data[start : self._position])

    def skip(self, count: int) -> None:
        """Read `count` bytes, those included that have not come yet, without keeping them. Not to be unread."""
        here = min(count, len(self))
        self._position += here
        self._to_skip = count - here

    def peek_u8(self) -> int:
        """Return the next byte without reading it."""
        self.require(1)
        return self._data[self._position]

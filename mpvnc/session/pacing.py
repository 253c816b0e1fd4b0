"""When the next update may start, for a client that gets updates unasked.

A client that sends requests paces itself. With continuous updates the next update starts only when less than
one is unacknowledged: by a fence behind each update where the client answers fences, which counts its decoding
too, else by what the kernel holds unacknowledged.
"""

from __future__ import annotations

from mpvnc.constants import FenceFlag
from mpvnc.rfb import writers

_PAYLOAD_BYTES = 4


class Pacer:
    """Counts what one client has not acknowledged."""

    __slots__ = ("_acknowledged", "_sent", "has_fences", "last_bytes")

    def __init__(self) -> None:
        self.has_fences = False
        self.last_bytes = 0
        self._sent = 0
        self._acknowledged = 0

    def may_start(self, unacknowledged_bytes: int) -> bool:
        """Whether less than one update is on its way."""
        if self.has_fences:
            return self._acknowledged == self._sent
        return unacknowledged_bytes == 0 or unacknowledged_bytes < self.last_bytes

    def sent(self, size_bytes: int) -> bytes:
        """Note an update of that size; return the fence to send behind it, if any."""
        self.last_bytes = size_bytes
        if not self.has_fences:
            return b""
        self._sent = (self._sent + 1) & 0xFFFFFFFF
        payload = self._sent.to_bytes(_PAYLOAD_BYTES, "big")
        return writers.fence(FenceFlag.REQUEST | FenceFlag.BLOCK_BEFORE, payload)

    def fence_answered(self, payload: bytes) -> None:
        """Note the client's answer; an answer to nothing that was asked is ignored."""
        number = int.from_bytes(payload, "big")
        if len(payload) == _PAYLOAD_BYTES and (number - self._acknowledged) & 0xFFFFFFFF <= self._in_flight():
            self._acknowledged = number

    def _in_flight(self) -> int:
        return (self._sent - self._acknowledged) & 0xFFFFFFFF

"""When the next update may start, for a client that gets updates unasked.

A client that sends requests paces itself. With continuous updates, what is on its way is bounded by a congestion
window. What was sent counts as on its way until the client has answered the fence behind it, which counts its
decoding too; for a client without fences, until its kernel has acknowledged it.

The window is a model of the way: the highest rate at which answers came lately, times the round trip of an
empty way, and half as much again. More would only wait in a queue; the half is what finds a rate that has grown, for
then answers come faster. The round trip is measured by a fence in front of an update when nothing is on its way:
no update's own length is in it. A way that never is empty by itself is let run empty now and then. One update may
always be on its way, however large; a second one where waiting for the first one's answer would leave a good part
of the way unused, which a viewer next door that decodes slowly is not.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

from mpvnc.constants import FenceFlag
from mpvnc.rfb import writers

INITIAL_BYTES = 64 * 1024
"""The window before anything is known."""

LEAST_BYTES = 16 * 1024
GAIN = 1.5
UNUSED = 0.1
"""So large a part of the time is a good part."""

PROBE_S = 10.0
"""So old the shortest round trip may be before the way is let run empty to measure it again."""

_PING_S = 1.0
_RATE_S = 1.0
_RATE_ROUNDS = 8
_MAX_OUTSTANDING = 128
_PAYLOAD_BYTES = 4
_MASK = 0xFFFFFFFF
_NO_FENCES = (b"", b"")
_LOCAL_S = 0.001
_QUEUE_S = 0.01
_DELAYED_ACK_S = 0.05


class Link(NamedTuple):
    """What the kernel knows of a connection: round trip now and at its shortest, and its queue."""

    rtt_s: float
    base_s: float
    unacknowledged_bytes: int
    unsent_bytes: int

    @property
    def is_queueing(self) -> bool:
        """Whether packets are on their way for longer than the way is: the network is the limit.

        A host next door that delays its acknowledgements (by 40 ms) does not count.
        """
        extra_s = self.rtt_s - self.base_s
        return extra_s > max(_DELAYED_ACK_S if self.base_s < _LOCAL_S else _QUEUE_S, self.base_s / 4)


@dataclass(slots=True)
class _Outstanding:
    """An update, or a fence alone, that was not answered yet; positions count bytes since the beginning."""

    number: int
    position: int
    sent_at: float
    delivered: int
    delivered_at: float
    is_ping: bool
    is_full: bool


class _Extreme:
    """The highest of what was seen lately: the best of two spans of time, of which one is over."""

    __slots__ = ("_last", "_now", "_since")

    def __init__(self) -> None:
        self._last = self._now = 0.0
        self._since = -1e9

    @property
    def value(self) -> float:
        """The highest; 0 if nothing was seen."""
        return max(self._last, self._now)

    def note(self, value: float, now: float, span_s: float) -> None:
        """See a value; begin another span if this one took long enough."""
        if now - self._since > span_s:
            self._last, self._now, self._since = self._now, value, now
        else:
            self._now = max(self._now, value)

    def raise_to(self, value: float) -> None:
        """See a value that tells nothing unless it is the highest."""
        self._now = max(self._now, value)


class Pacer:
    """What one client has not acknowledged, and how much that may be. `now` is monotonic seconds."""

    __slots__ = (
        "_base", "_delivered", "_delivered_at", "_has_fences", "_is_full", "_last_bytes", "_number", "_outstanding",
        "_pinged_at", "_rate", "_sent", "rtt_s",
    )  # fmt: skip

    def __init__(self) -> None:
        self.rtt_s = 0.0
        """From an update's sending to its acknowledgement, smoothed; 0 if not known."""
        self._has_fences = False
        self._number = 0
        self._sent = self._delivered = self._last_bytes = 0
        self._delivered_at = 0.0
        self._outstanding: deque[_Outstanding] = deque()
        self._pinged_at = -1e9
        self._is_full = False
        self._rate = _Extreme()
        self._base = _Extreme()

    @property
    def has_fences(self) -> bool:
        """Whether the client answers fences."""
        return self._has_fences

    @has_fences.setter
    def has_fences(self, has_fences: bool) -> None:
        if has_fences != self._has_fences:
            self._has_fences = has_fences
            self._outstanding.clear()
            self._delivered = self._sent

    @property
    def in_flight_bytes(self) -> int:
        """How much is on its way."""
        return self._sent - self._delivered

    @property
    def base_s(self) -> float:
        """The round trip of an empty way; 0 if not known."""
        return 1 / self._base.value if self._base.value else 0.0

    @property
    def window_bytes(self) -> int:
        """How much may be on its way when another update starts."""
        if not self._rate.value or not self._base.value:
            return INITIAL_BYTES
        way_bytes = self._rate.value * self.base_s
        ahead_bytes = self._last_bytes if way_bytes > UNUSED * self._last_bytes else 0
        return max(int(GAIN * way_bytes) + ahead_bytes, LEAST_BYTES)

    def may_start(self, now: float, unacknowledged_bytes: int = 0) -> bool:
        """Whether another update may be sent; the kernel's figure counts where there are no fences."""
        if not self._has_fences:
            self._note_kernel(unacknowledged_bytes, now)
        in_flight = self.in_flight_bytes
        if in_flight <= 0:
            return True
        is_stale = self._has_fences and now - self._pinged_at > PROBE_S
        is_full = in_flight >= self.window_bytes or len(self._outstanding) >= _MAX_OUTSTANDING
        self._is_full |= is_full
        return not (is_full or is_stale)

    def sent(self, size_bytes: int, now: float) -> tuple[bytes, bytes]:
        """Note an update of that size; return the fences to send before and behind it, if any."""
        self._last_bytes = size_bytes
        if not self._has_fences:
            self._push(size_bytes, now, is_ping=False)
            return _NO_FENCES
        before = b""
        if self.in_flight_bytes == 0 and now - self._pinged_at > _PING_S:
            self._pinged_at = now
            before = self._push(0, now, is_ping=True)
        return before, self._push(size_bytes, now, is_ping=False)

    def fence_answered(self, payload: bytes, now: float) -> None:
        """Note the client's answer; an answer to nothing that was asked is ignored."""
        if len(payload) != _PAYLOAD_BYTES or not self._outstanding or not self._has_fences:
            return
        place = (int.from_bytes(payload, "big") - self._outstanding[0].number) & _MASK
        if place < len(self._outstanding):
            for _ in range(place + 1):
                self._pop(now)

    def suppose_base(self, base_s: float, now: float) -> None:
        """Take the shortest round trip from elsewhere, where no fence can measure it."""
        if not self._has_fences and base_s > 0:
            self._base.note(1 / base_s, now, PROBE_S)

    def _note_kernel(self, unacknowledged_bytes: int, now: float) -> None:
        while self._outstanding and self._outstanding[0].position <= self._sent - unacknowledged_bytes:
            self._pop(now)

    def _push(self, size_bytes: int, now: float, *, is_ping: bool) -> bytes:
        if self.in_flight_bytes == 0:
            self._delivered_at = now
        self._number = (self._number + 1) & _MASK
        self._sent += size_bytes
        one = _Outstanding(
            self._number, self._sent, now, self._delivered, self._delivered_at, is_ping, self._is_full
        )
        self._is_full &= is_ping
        self._outstanding.append(one)
        payload = self._number.to_bytes(_PAYLOAD_BYTES, "big")
        return writers.fence(FenceFlag.REQUEST | FenceFlag.BLOCK_BEFORE, payload)

    def _pop(self, now: float) -> None:
        one = self._outstanding.popleft()
        self._delivered, self._delivered_at = one.position, now
        rtt_s = max(now - one.sent_at, 1e-6)
        if one.is_ping:
            self._base.note(1 / rtt_s, now, PROBE_S)
            return
        self.rtt_s = rtt_s if not self.rtt_s else 0.875 * self.rtt_s + 0.125 * rtt_s
        rate = (one.position - one.delivered) / max(now - one.delivered_at, 1e-6)
        if one.is_full:
            self._rate.note(rate, now, max(_RATE_S, _RATE_ROUNDS * self.base_s))
        else:
            self._rate.raise_to(rate)

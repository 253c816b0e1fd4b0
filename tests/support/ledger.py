"""What the client has asked for, and so what the server may send: the viewer's book of open accounts.

An update may answer several requests, so `unanswered` is an upper bound; a test that knows better says so
with `forget_requests`. A list of encodings stays allowed while an update made under it may be on its way.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

from tests.support.decoders.base import Rect
from tests.support.errors import MisuseError, ProtocolViolation
from tests.support.pixelformat import PixelFormat

FENCE, CONTINUOUS_UPDATES = -312, -313
PUSH = 1011
"""Who lists it has asked for everything that follows with its first request."""
FENCE_REQUEST = 1 << 31
BLOCK_BEFORE, BLOCK_AFTER, SYNC_NEXT = 1, 2, 4
FENCE_FLAGS = BLOCK_BEFORE | BLOCK_AFTER | SYNC_NEXT


class Ledger:
    """Requests, listed encodings, fences and continuous updates of one connection."""

    def __init__(self) -> None:
        self.unanswered = 0
        self.continuous = False
        """Continuous updates may arrive: enabled, or disabled and not yet confirmed."""
        self.fence_known = False
        """The server has sent a fence."""
        self.continuous_known = False
        """The server has shown that it knows continuous updates."""
        self.resizable = False
        """An ExtendedDesktopSize rectangle has arrived: SetDesktopSize may be sent."""
        self._lists: list[frozenset[int]] = [frozenset()]
        self._fences: dict[bytes, PixelFormat | None] = {}
        self._ever: set[int] = set()
        self._serial = 0
        self._lost: Rect | None = None
        self._ends_expected = 0
        self._announcement_due = False
        self._continuous_wanted = False
        self._is_pushed = False

    @property
    def idle(self) -> bool:
        """Whether no update can be on its way."""
        return self.unanswered == 0 and not self.continuous and not self._is_pushed

    @property
    def allowed(self) -> frozenset[int]:
        """Every encoding that a rectangle may have now, Raw included."""
        return frozenset({0}).union(*self._lists)

    @property
    def latest(self) -> frozenset[int]:
        """The encodings listed last."""
        return self._lists[-1]

    @property
    def ever_listed(self) -> frozenset[int]:
        """Every encoding that was ever listed."""
        return frozenset(self._ever)

    def list_encodings(self, encodings: Iterable[int]) -> None:
        """Note a SetEncodings."""
        if self.idle:
            self._lists.clear()
        self._lists.append(frozenset(encodings))
        self._ever |= self._lists[-1]
        if CONTINUOUS_UPDATES in self._lists[-1] and not self._announcement_due:
            self._announcement_due = True
            self._ends_expected += 1

    def request(self, incremental: bool, rect: Rect) -> None:
        """Note a FramebufferUpdateRequest; incremental ones are ignored during continuous updates."""
        self._is_pushed |= PUSH in self.latest
        self._lost = rect if self.idle and not incremental else None
        if not (incremental and self._continuous_wanted):
            self.unanswered += 1

    def enable_continuous_updates(self, enable: bool) -> None:
        """Note an EnableContinuousUpdates."""
        if not self.continuous_known:
            raise MisuseError("the server has not shown that it knows continuous updates")
        self._continuous_wanted = enable
        if enable:
            self.continuous = True
        else:
            self._ends_expected += 1

    def check_asked(self) -> None:
        """Raise ProtocolViolation if no update may come now."""
        if self.idle:
            raise ProtocolViolation("an update that nobody asked for")

    def check_copy(self, rect: Rect) -> None:
        """Raise ProtocolViolation if a CopyRect there answers a request for what the client has lost."""
        if self._lost is not None and rect.intersects(self._lost):
            raise ProtocolViolation(f"a CopyRect to {rect} answers a non-incremental request")

    def update_ends(self) -> None:
        """Note the end of an update that answers a request: it has answered one at least."""
        self._lost = None
        if not self.continuous:
            self.unanswered = max(self.unanswered - 1, 0)
        if self.idle:
            del self._lists[:-1]

    def forget_requests(self) -> None:
        """Note that the server has answered every request so far, several with one update."""
        self.unanswered = 0

    def fence(self, payload: bytes | None = None, new_format: PixelFormat | None = None) -> bytes:
        """Return the payload of a fence that is to be sent; a format holds from its answer on."""
        if not self.fence_known:
            raise MisuseError("the server has not shown that it knows fences")
        if payload is None:
            self._serial += 1
            payload = struct.pack(">I", self._serial)
        if payload in self._fences:
            raise MisuseError(f"a fence with payload {payload.hex()} is open")
        self._fences[payload] = new_format
        return payload

    def fence_answered(self, flags: int, payload: bytes) -> PixelFormat | None:
        """Note the answer to a fence; return the format that holds from here on, if it was for one."""
        if payload not in self._fences:
            raise ProtocolViolation(f"the answer to a fence that was never sent: {payload.hex()}")
        if flags & ~FENCE_FLAGS:
            raise ProtocolViolation(f"a fence answered with flags {flags:#x}")
        return self._fences.pop(payload)

    def end_of_continuous_updates(self) -> None:
        """Note an EndOfContinuousUpdates. Raises: ProtocolViolation if it answers nothing."""
        if self._ends_expected == 0:
            raise ProtocolViolation("an EndOfContinuousUpdates that answers nothing")
        self._ends_expected -= 1
        self.continuous_known = True
        if self._ends_expected == 0:
            self.continuous = self._continuous_wanted

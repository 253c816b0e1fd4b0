"""What a leader was sent, for those who were exactly where it was.

Most viewers of an audience are alike: same class, same frame held, nothing of their own due. What one of them was
sent is right for all, byte for byte, and so is what its picture holds afterwards. `take` is all that is done for
such a viewer per frame, so it is one function, with what can be known beforehand known beforehand.
"""

from __future__ import annotations

import math

from mpvnc.constants import Encoding
from mpvnc.encodings.wire import WireClass
from mpvnc.session.cache import Counters
from mpvnc.session.demand import NOTHING, whole
from mpvnc.session.overlay import Overlay
from mpvnc.session.session import NEVER, Session
from mpvnc.session.update import Buffers, Streams


class Following:
    """One message, and the step that it takes a picture.

    Args:
        leader: a session that was just sent it.
        buffers: the message; shared.
        kind: its class, and what its picture held before: streams open, frame, pointer.
        stage, rested: those of the broadcast.
        is_copied: whether the message moves a part of the picture.
        pointer_at: the time, if there is a pointer that somebody may draw.
        counters: where frames that are skipped are counted.
    """

    def __init__(
        self,
        leader: Session,
        buffers: Buffers,
        kind: tuple[WireClass, Streams, int, Overlay | None],
        *,
        stage: int,
        rested: int,
        is_copied: bool,
        pointer_at: float | None,
        counters: Counters,
    ) -> None:
        self.buffers = buffers
        self._wire, self._streams_before, self._base, self._overlay_before = kind
        self._streams, self._overlay = leader.streams, leader.picture.overlay
        self._frame = leader.picture.base
        self._area = leader.picture.area
        self._whole = whole(self._area)
        self._pointer_at = pointer_at
        self._hand = leader.cursors.hand(pointer_at) if pointer_at is not None else None
        self._stage = stage
        self._rested = rested
        self._is_copied = is_copied
        self._skipped = self._frame - 1 - self._base if self._base else 0
        self._counters = counters

    def take(self, session: Session) -> bool:
        """Have a session hold what its leader holds; False, and nothing is changed, if it was elsewhere.

        After True it is to be sent `buffers`.
        """
        picture, demand = session.picture, session.demand
        if not (
            demand.is_for(self._whole)
            and picture.base == self._base
            and session.wire is self._wire
            and session.streams == self._streams_before
            and picture.overlay == self._overlay_before
            and not picture.owed.rects
            and picture.area == self._area
            and session.is_like_others()
            and (self._pointer_at is None or session.cursors.hand(self._pointer_at) == self._hand)
        ):
            return False
        if self._is_copied and not (picture.is_uniform and Encoding.COPY_RECT in session.features):
            return False
        picture.update(self._frame, NOTHING, self._overlay)
        session.streams = self._streams
        session.waits_since = math.inf
        demand.answered()
        session.content_at = self._stage if picture.settled >= self._rested else NEVER
        self._counters.skipped_frames += self._skipped
        return True

"""One screen and all sessions of a worker: who gets which update, when.

Theory of operation. A session that is ready is *offered* the screen. If its picture lacks nothing, it waits for
the next frame. Else it joins an `Update`: the shared one for its (base, class, streams) if the whole of its
framebuffer is asked for and nothing is owed, one of its own otherwise. Finished updates are handed out as lists
of buffers, which everybody who got them shares; what differs per client (a cursor, a name) goes in front, in a
buffer of its own; the pointer, drawn in for those who do not draw it, is shared by all who see it move alike.

The caller moves the bytes: it offers sessions whose socket has taken everything, calls `step` while `is_busy`,
and takes a newer frame only if `may_advance` says so, telling it by `advance`.
"""

from __future__ import annotations

from typing import NamedTuple

from mpvnc.constants import Encoding
from mpvnc.damage import Move, MovedFrame
from mpvnc.encodings.base import EncodedRectangle
from mpvnc.encodings.copyrect import copy_rectangle
from mpvnc.geometry import Rect, Region
from mpvnc.pointer import PointerState
from mpvnc.rfb.writers import update_header
from mpvnc.session import overlay, planner
from mpvnc.session.fanout import SHARED_UPDATES, BrokenUpdate, Encode, Fanout, Streams, Update, splice
from mpvnc.session.overlay import Overlay
from mpvnc.session.planner import Piece
from mpvnc.session.screen import Screen, area
from mpvnc.session.session import Session

Buffers = list[bytes | memoryview]


class Delivery(NamedTuple):
    """What one session is to be sent now, in order; the buffers are shared and not to be modified."""

    session: Session
    buffers: Buffers


class _Drawn(NamedTuple):
    """How the pointer changes in a picture, and what that leaves owed.

    `message` is where the whole update is kept, once it is joined, if others can share it.
    """

    overlay: Overlay | None
    tail: list[EncodedRectangle]
    owed: Region
    message: list[bytes] | None = None


class _Waiting(NamedTuple):
    """What a session waits for, and its `revision` when that was planned."""

    update: Update
    revision: int


class Broadcast:
    """All sessions of one worker in front of one screen. Pure; `now` is monotonic seconds."""

    def __init__(self, encode: Encode) -> None:
        self.fanout = Fanout(encode)
        self.pointer = PointerState()
        self.screen: Screen | None = None
        self._waits_for: dict[Session, _Waiting] = {}
        self._pieces: dict[object, list[Piece]] = {}
        self._drawn: dict[object, _Drawn] = {}

    # -- the screen

    def show(self, screen: Screen) -> None:
        """Take another screen; what was being made is dropped. The sessions are told by the caller."""
        self.screen = screen
        self._release_all()
        self.fanout.reset()
        self._forget_frame()

    def may_advance(self, now: float) -> bool:
        """Whether the screen may be given a newer frame now."""
        return self.fanout.may_advance(now)

    def advance(self) -> None:
        """Note that the screen has a newer frame. Every session is to be offered it, served ones included."""
        self._release_all()
        self.fanout.advance()
        self._forget_frame()

    def point(self, pointer: PointerState) -> None:
        """Note where the pointer is, and what it looks like."""
        self.pointer = pointer
        self._drawn.clear()

    # -- the sessions

    @property
    def is_busy(self) -> bool:
        """Whether `step` has something to encode."""
        return self.fanout.is_busy

    def offer(self, session: Session, now: float, unacknowledged_bytes: int = 0) -> Delivery | None:
        """Plan the next update of a session that has taken all it was sent; return it if it is made already.

        None: it waits, for its update (`is_served`) or for something to happen.
        """
        screen = self.screen
        if screen is None or not session.is_ready:
            return None
        if session.demand.is_continuous and not session.pacer.may_start(unacknowledged_bytes):
            return None
        resized = session.size_update()
        if resized is not None:
            return Delivery(session, [resized])
        update = self._find_or_start(session, screen, now)
        if update.is_done:
            return self._deliver(session, update, screen, now)
        session.is_served = True
        update.waiting.append(session)
        self._waits_for[session] = _Waiting(update, session.revision)
        return None

    def step(self, now: float) -> list[Delivery]:
        """Encode one rectangle; return what is complete by that.

        Raises: BrokenUpdate; the sessions that waited for it (`update.waiting`) wait for nothing any more and
            are to be closed.
        """
        screen = self.screen
        assert screen is not None
        try:
            update = self.fanout.step(screen.pixels)
        except BrokenUpdate as broken:
            for session in broken.update.waiting:
                self._release(session)
            raise
        if update is None:
            return []
        waiting, update.waiting = update.waiting, []
        for session in waiting:
            self._release(session)
        delivered = (self._deliver(session, update, screen, now) for session in waiting)
        return [delivery for delivery in delivered if delivery is not None]

    def review(self, session: Session) -> None:
        """Take a session out of the update it waits for, if what it said since does not go with it."""
        waiting = self._waits_for.get(session)
        if waiting and session.revision != waiting.revision:
            self.leave(session)

    def leave(self, session: Session) -> None:
        """Let a session wait for nothing any more; an update that nobody waits for is not made."""
        waiting = self._waits_for.get(session)
        if waiting is None:
            return
        self._release(session)
        update = waiting.update
        update.waiting.remove(session)
        if not update.waiting:
            self.fanout.drop(update)

    # -- planning

    def _find_or_start(self, session: Session, screen: Screen, now: float) -> Update:
        picture = session.picture
        is_whole = picture.area == area(screen) and not picture.owed and session.demand.covers(picture.area)
        if not is_whole:
            return self._start_partial(session, screen, now)
        moved = self._moved(session, screen)
        wrong = overlay.copied(picture.overlay, moved.move) if moved else None
        key = (picture.base, session.wire, session.streams, wrong)
        update = self.fanout.find(key)
        if update is not None:
            return update
        update = Update(key, session.wire, picture.base, session.streams, now)
        if moved is None:
            self.fanout.start(update, self._changes(screen, picture.base))
        else:
            self.fanout.start(update, self._copied(session, screen, moved), _copy(moved.move))
        return update

    def _start_partial(self, session: Session, screen: Screen, now: float) -> Update:
        picture = session.picture
        requested = session.demand.region.intersect([picture.area])
        split = planner.partial(screen, picture, requested)
        moved = self._moved(session, screen)
        if moved is not None:
            pieces = self._copied(session, screen, moved)
            split = planner.partial_copied(split, pieces, moved.move, requested, screen.tiles)
        update = Update(None, session.wire, picture.base, session.streams, now)
        update.owed = split.owed
        self.fanout.start(update, split.pieces, _copy(split.move) if split.move else None)
        return update

    def _moved(self, session: Session, screen: Screen) -> MovedFrame | None:
        """Return what moved since the frame that a session holds, if a copy of that is right and exact."""
        moved, picture = screen.move, session.picture
        if moved is None or moved.base != picture.base or Encoding.COPY_RECT not in session.features:
            return None
        is_known = picture.is_uniform and not picture.owed and picture.area == area(screen)
        return moved if is_known else None

    def _copied(self, session: Session, screen: Screen, moved: MovedFrame) -> list[Piece]:
        """Return what follows a move; shared by all who see the pointer at the same place."""
        wrong, is_lossy = (
            overlay.copied(session.picture.overlay, moved.move),
            session.wire.quality is not None,
        )
        pieces = self._pieces.get((wrong, is_lossy))
        if pieces is None:
            pieces = planner.copied(screen.tiles, moved, wrong, is_lossy=is_lossy)
            self._pieces[wrong, is_lossy] = pieces
        return pieces

    def _changes(self, screen: Screen, base: int) -> list[Piece]:
        pieces = self._pieces.get(base)
        if pieces is None:
            pieces = self._pieces[base] = planner.changes(screen.tiles, base) if base < screen.frame else []
        return pieces

    # -- handing out

    def _deliver(self, session: Session, update: Update, screen: Screen, now: float) -> Delivery | None:
        picture = session.picture
        drawn = self._draw(session, update, screen, now)
        extras = session.extras(self.pointer, now)
        if not (update.count or drawn.tail or extras or session.demand.wants_answer):
            picture.update(screen.frame, drawn.owed, drawn.overlay)
            return None
        buffers, session.streams = self._message(update, extras, drawn)
        picture.update(screen.frame, drawn.owed, drawn.overlay)
        after = session.updated(sum(map(len, buffers)))
        if after:
            buffers.append(after)
        return Delivery(session, buffers)

    def _message(self, update: Update, extras: list[bytes], drawn: _Drawn) -> tuple[Buffers, Streams]:
        if not extras and not drawn.tail:
            return [update.message()], update.opens
        body = update.body()
        forms, opens = splice(drawn.tail, update.opens)
        head = update_header(update.count + len(extras) + len(drawn.tail))
        if extras or drawn.message is None:
            return [b"".join((head, *extras)), body, *forms], opens
        if not drawn.message:
            drawn.message.append(b"".join((head, body, *forms)))
        return [drawn.message[0]], opens

    # -- the pointer

    def _draw(self, session: Session, update: Update, screen: Screen, now: float) -> _Drawn:
        """Decide how the pointer moves in a session's picture; shared by all in whose it moves alike."""
        picture = session.picture
        before = picture.overlay
        wanted = (
            overlay.place(self.pointer, picture.area.intersect(area(screen)))
            if session.wants_pointer(now)
            else None
        )
        if before is None and wanted is None:
            return _Drawn(None, [], update.owed)
        if update.key is None:
            return self._draw_alone(session, update, screen, wanted)
        key = (update.key, before, wanted)
        drawn = self._drawn.get(key)
        if drawn is None:
            rects = overlay.changes(before, wanted, update.rects)
            tail = [self._encode(rect, wanted, session, screen) for rect in rects]
            drawn = self._drawn[key] = _Drawn(wanted, tail, update.owed, [])
            if len(self._drawn) > SHARED_UPDATES:
                del self._drawn[next(iter(self._drawn))]
        return drawn

    def _draw_alone(self, session: Session, update: Update, screen: Screen, wanted: Overlay | None) -> _Drawn:
        """Draw it for a client that asked for a part; a place that it did not ask for is owed without it."""
        before = session.picture.overlay
        rects = overlay.changes(before, wanted, update.rects)
        if all(map(session.demand.covers, rects)):
            tail = [self._encode(rect, wanted, session, screen) for rect in rects]
            return _Drawn(wanted, tail, update.owed)
        return _Drawn(None, [], update.owed.union([before.rect] if before else []))

    def _encode(self, rect: Rect, seen: Overlay | None, session: Session, screen: Screen) -> EncodedRectangle:
        visible = rect.intersect(area(screen))
        pixels = overlay.compose(screen.pixels, visible, self.pointer if seen else None)
        return self.fanout.cache.encode(pixels, visible, session.wire)

    # -- housekeeping

    def _release(self, session: Session) -> None:
        session.is_served = False
        del self._waits_for[session]

    def _release_all(self) -> None:
        for session in list(self._waits_for):
            self._release(session)

    def _forget_frame(self) -> None:
        self._pieces.clear()
        self._drawn.clear()


def _copy(move: Move) -> EncodedRectangle:
    return copy_rectangle(move.target, move.source.x, move.source.y)

"""One screen and all sessions of a worker: who gets which update, when.

Theory of operation. A session that is ready is *offered* the screen. If its picture lacks nothing, it waits for
the next frame. Else it joins an `Update`: the shared one for its (base, class, streams) if the whole of its
framebuffer is asked for and nothing is owed, one of its own otherwise. Finished updates are handed out as lists
of buffers, which everybody who got them shares; what differs per client (a cursor, a name) goes in front, in a
buffer of its own; the pointer, drawn in for those who do not draw it, is shared by all who see it move alike.

A session that has everything is refreshed (see `refresh`): it gets the next slice of what it holds with losses.
One that is on a rung of rate is passed by frames until the next group of them begins, or nothing newer comes.

The caller moves the bytes: it offers sessions whose socket has taken everything, calls `step` while `is_busy`
and tells what that took (`spent`), takes a newer frame only if `may_advance` says so, telling it by `advance`, and
calls `look` then and at `look_at`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from mpvnc.constants import Encoding
from mpvnc.damage import Move, MovedFrame
from mpvnc.encodings.copyrect import copy_rectangle
from mpvnc.encodings.wire import WireClass
from mpvnc.geometry import EMPTY
from mpvnc.pointer import PointerState
from mpvnc.rfb.writers import update_header
from mpvnc.session import overlay, planner
from mpvnc.session.cache import Encode
from mpvnc.session.drawing import Drawing
from mpvnc.session.fanout import Fanout
from mpvnc.session.following import Following
from mpvnc.session.overlay import Overlay
from mpvnc.session.planner import Piece
from mpvnc.session.refresh import BYTES_PER_S, Refresh
from mpvnc.session.screen import Screen, area
from mpvnc.session.session import Session
from mpvnc.session.turns import Turns
from mpvnc.session.update import BrokenUpdate, Buffers, Streams, Update

HOLD_S = 0.15
"""A frame that is older than that passes nobody by."""

Kind = tuple[WireClass, Streams, int, Overlay | None]
"""What sessions that are alike have in common: class, streams open, frame held, pointer drawn in it."""


class Delivery(NamedTuple):
    """What one session is to be sent now, in order; the buffers are shared and not to be modified.

    update: what of it is for others too, if it is that and nothing else.
    """

    session: Session
    buffers: Buffers
    size_bytes: int
    update: Update | None = None


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
        self.shown = 0
        """How many frames were shown."""
        self.stage = 0
        """Grows with whatever there is to be seen: a session that has everything lacks nothing while it stays."""
        self._area = EMPTY
        self._shown_at = -math.inf
        self._shown = 0
        self.look_at = math.inf
        """When `look` is to be called, at the latest; infinity while nothing can become due by itself."""
        self._due_at = math.inf
        self._refresh = Refresh()
        self._turns = Turns()
        self._waits_for: dict[Session, _Waiting] = {}
        self._pieces: dict[object, list[Piece]] = {}
        self._drawing = Drawing(self.fanout.cache.encode)

    # -- the screen

    def show(self, screen: Screen) -> None:
        """Take another screen; what was being made is dropped. The sessions are told by the caller."""
        self.screen = screen
        self.stage += 1
        self._area = area(screen)
        self._drawing.show(self._area)
        self._release_all()
        self.fanout.reset()
        self._refresh.reset()
        self._forget_frame()

    def may_advance(self, now: float) -> bool:
        """Whether the screen may be given a newer frame now."""
        return self.fanout.may_advance(now)

    def advance(self) -> None:
        """Note that the screen has a newer frame. Every session is to be offered it, served ones included."""
        self.stage += 1
        self._release_all()
        self.fanout.advance()
        self._forget_frame()

    def look(self, now: float) -> bool:
        """Note the frame that is shown, and what has become due by time; return whether to offer to everybody."""
        screen = self.screen
        if screen is None:
            return False
        if screen.frame != self._shown:
            self._shown = screen.frame
            self._shown_at = now
            self.shown += 1
        is_due = now >= self._due_at
        if is_due:
            self._due_at = math.inf
        is_due |= self._refresh.look(screen.tiles, screen.frame, now)
        is_due |= self._turns.look(now)
        self.stage += is_due
        self.look_at = min(self._due_at, self._refresh.look_at, self._turns.look_at)
        return is_due

    def rank(self, sessions: Mapping[WireClass, int]) -> None:
        """Note how many sessions each wire class has: those with most are at full rate."""
        self._turns.rank(sessions)

    def spent(self, seconds: float) -> None:
        """Note what the last `step` took."""
        self.fanout.spent(seconds)
        if self.fanout.payer is not None:
            self._turns.spent(self.fanout.payer, seconds)

    def point(self, pointer: PointerState) -> None:
        """Note where the pointer is, and what it looks like."""
        self.pointer = pointer
        self.stage += 1
        self._drawing.point(pointer)

    # -- the sessions

    @property
    def is_busy(self) -> bool:
        """Whether an update is being made."""
        return self.fanout.is_busy

    def awaits(self, now: float) -> bool:
        """Whether an update is being made, but all that is left of it is waited for: `step` has nothing to do."""
        return self.fanout.is_busy and now < self.fanout.awaits_until

    def offer(self, session: Session, now: float, unacknowledged_bytes: int = 0) -> Delivery | None:
        """Plan the next update of a session that has taken all it was sent; return it if it is made already.

        None: it waits, for its update (`is_served`) or for something to happen.
        """
        screen = self.screen
        if screen is None or not session.is_ready:
            return None
        if session.demand.is_continuous and not session.pacer.may_start(now, unacknowledged_bytes):
            return None
        resized = session.size_update()
        if resized is not None:
            return Delivery(session, [resized], len(resized))
        if not self._has_nothing_for(session, screen, now):
            if session.every > 1 and self._passes_by(session, screen, now):
                return None
            update = self._find_or_start(session, screen, now)
            if update is None or not update.is_done:
                self._wait(session, update)
                return None
            delivery = self._deliver(session, update, screen, now)
            if delivery is not None:
                return delivery
        if session.picture.settled < self._refresh.rested:
            return self._start_refresh(session, screen, now)
        return None

    def step(self, now: float) -> list[Delivery]:
        """Encode one rectangle, if any is to be encoded here; return what is complete now.

        Raises: BrokenUpdate; the sessions that waited for it (`update.waiting`) wait for nothing any more and
            are to be closed.
        """
        screen = self.screen
        assert screen is not None
        try:
            update = self.fanout.step(screen.pixels, now)
        except BrokenUpdate as broken:
            for session in broken.update.waiting:
                self._release(session)
            raise
        if update is None:
            return []
        self._made(update)
        waiting, update.waiting = update.waiting, []
        for session in waiting:
            self._release(session)
        delivered = (self._deliver(session, update, screen, now) for session in waiting)
        return [delivery for delivery in delivered if delivery is not None]

    def following(self, delivery: Delivery, kind: Kind, now: float) -> Following | None:
        """Return what sessions that were where the session of `delivery` was may be sent with it, if anything.

        kind: what they and it were alike in before.
        """
        leader, update, screen = delivery.session, delivery.update, self.screen
        if update is None or screen is None or leader.picture.owed.rects or leader.wire is not kind[0]:
            return None
        if not kind[2] < leader.picture.base == screen.frame:
            return None
        return Following(
            leader,
            delivery.buffers,
            kind,
            stage=self.stage,
            rested=self._refresh.rested,
            is_copied=update.move is not None,
            pointer_at=None if self.pointer.cursor is None else now,
            counters=self.fanout.counters,
        )

    def review(self, session: Session) -> None:
        """Take a session out of the update it waits for, if what it said since does not go with it."""
        waiting = self._waits_for.get(session)
        if waiting and session.revision != waiting.revision:
            self.leave(session)

    def leave(self, session: Session) -> None:
        """Let a session wait for nothing any more; an update that nobody waits for is not made."""
        self._turns.leave(session)
        waiting = self._waits_for.get(session)
        if waiting is None:
            return
        self._release(session)
        update = waiting.update
        update.waiting.remove(session)
        if not update.waiting:
            self.fanout.drop(update)

    # -- planning

    def _has_nothing_for(self, session: Session, screen: Screen, now: float) -> bool:
        """Whether, as is plain at first sight, the session has everything; False where one must look closer."""
        picture = session.picture
        return (
            picture.base == screen.frame
            and not picture.owed.rects
            and not session.demand.wants_answer
            and not session.has_dues
            and (self.pointer.cursor is None or self._shows_pointer(session, now))
        )

    def _shows_pointer(self, session: Session, now: float) -> bool:
        is_drawn = session.picture.overlay == self._drawing.wanted(session, now)
        return is_drawn and session.cursors.is_told(self.pointer, session.picture.area, now)

    def _passes_by(self, session: Session, screen: Screen, now: float) -> bool:
        """Whether a session on a rung of rate has to do without this frame, for now at least."""
        picture, every = session.picture, session.every
        if not picture.base or picture.owed.rects or picture.base // every != screen.frame // every:
            return False
        if picture.base == screen.frame or now >= self._shown_at + HOLD_S:
            return False
        self._come_back(self._shown_at + HOLD_S)
        return True

    def _come_back(self, when: float) -> None:
        """Have everybody offered the screen at that time."""
        self._due_at = min(self._due_at, when)
        self.look_at = min(self.look_at, when)

    def _wait(self, session: Session, update: Update | None) -> None:
        """Let a session wait for an update that is being made, or for its turn to have one."""
        if update is None:
            session.standing.held_back += 1
            self.look_at = min(self.look_at, self._turns.look_at)
            return
        session.is_served = True
        session.waits_since = update.since = min(session.waits_since, update.since)
        update.waiting.append(session)
        self._waits_for[session] = _Waiting(update, session.revision)

    def _start_refresh(self, session: Session, screen: Screen, now: float) -> Delivery | None:
        """Plan the next slice for a session that has everything, if it may have it."""
        picture = session.picture
        if picture.base != screen.frame or picture.owed.rects:
            return None
        if picture.area != self._area or not session.demand.covers(picture.area):
            return None
        pieces, reached = self._refresh.next_slice(screen.tiles, session.exact, picture)
        if not pieces:
            picture.settle(reached, self._refresh.rested)
            return None
        if now < session.refresh_at:
            self._come_back(session.refresh_at)
            return None
        key = (picture.base, session.exact, session.streams, picture.settled, reached, len(pieces), pieces[0])
        update = self.fanout.find(key)
        if update is None and self._turns.admits(session.wire, now, session):
            update = Update(key, session.exact, picture.base, session.streams, now)
            update.settles = reached
            self._start(update, pieces, session)
        if update is not None and update.is_done:
            return self._deliver(session, update, screen, now)
        self._wait(session, update)
        return None

    def _find_or_start(self, session: Session, screen: Screen, now: float) -> Update | None:
        """Return the next update of a session, made or not; None if its class has to wait for its turn."""
        picture = session.picture
        is_whole = picture.area == self._area and not picture.owed.rects
        if not is_whole or not session.demand.covers(picture.area):
            return self._start_partial(session, screen, now)
        moved = self._moved(session, screen) if screen.move else None
        wrong = overlay.copied(picture.overlay, moved.move) if moved else None
        key = (picture.base, session.wire, session.streams, wrong)
        update = self.fanout.find(key)
        if update is not None or not self._turns.admits(session.wire, now, session):
            return update
        update = Update(key, session.wire, picture.base, session.streams, now)
        if moved is None:
            pieces = self._changes(screen, picture.base, planner.slice_area(session.wire))
            self._start(update, pieces, session)
        else:
            self._start(update, self._copied(session, screen, moved), session, moved.move)
        return update

    def _start(self, update: Update, pieces: list[Piece], session: Session, move: Move | None = None) -> None:
        update.payer, update.exact = session.wire, session.exact
        update.move = move
        copy = copy_rectangle(move.target, move.source.x, move.source.y) if move else None
        self.fanout.start(update, pieces, copy)
        if update.is_done:
            self._made(update)

    def _made(self, update: Update) -> None:
        """Note which tiles whoever gets a finished update will hold with losses."""
        assert self.screen is not None and update.exact is not None
        tiles = self.screen.tiles
        if update.move is not None:
            self._refresh.mark_moved(update.exact, tiles, update.move)
        if update.lossy:
            self._refresh.mark(update.exact, tiles, update.lossy)
            if update.move is not None and planner.oldest_epoch(tiles, update.lossy) <= update.base:
                update.settles = 0
        self._turns.served(update.payer)

    def _start_partial(self, session: Session, screen: Screen, now: float) -> Update | None:
        if not self._turns.admits(session.wire, now, session):
            return None
        picture = session.picture
        requested = session.demand.region.intersect([picture.area])
        split = planner.partial(screen, picture, requested)
        moved = self._moved(session, screen)
        if moved is not None:
            pieces = self._copied(session, screen, moved)
            split = planner.partial_copied(split, pieces, moved.move, requested, screen.tiles)
        update = Update(None, session.wire, picture.base, session.streams, now)
        update.owed = split.owed
        self._start(update, split.pieces, session, split.move)
        return update

    def _moved(self, session: Session, screen: Screen) -> MovedFrame | None:
        """Return what moved since the frame that a session holds, if a copy of that is right and exact."""
        moved, picture = screen.move, session.picture
        if moved is None or moved.base != picture.base or Encoding.COPY_RECT not in session.features:
            return None
        is_known = picture.is_uniform and not picture.owed.rects and picture.area == self._area
        return moved if is_known else None

    def _copied(self, session: Session, screen: Screen, moved: MovedFrame) -> list[Piece]:
        """Return what follows a move; shared by all who see the pointer at the same place."""
        wrong = overlay.copied(session.picture.overlay, moved.move)
        is_lossy = session.wire.quality is not None
        pieces = self._pieces.get((wrong, is_lossy))
        if pieces is None:
            pieces = planner.copied(screen.tiles, moved, wrong, is_lossy=is_lossy)
            self._pieces[wrong, is_lossy] = pieces
        return pieces

    def _changes(self, screen: Screen, base: int, max_area: int) -> list[Piece]:
        if base == screen.frame:
            return []
        pieces = self._pieces.get((base, max_area))
        if pieces is None:
            pieces = self._pieces[base, max_area] = planner.changes(screen.tiles, base, max_area)
        return pieces

    # -- handing out

    def _deliver(self, session: Session, update: Update, screen: Screen, now: float) -> Delivery | None:
        picture = session.picture
        drawn = self._drawing.draw(session, update, screen, now)
        extras = session.extras(self.pointer, now)
        if not (update.count or drawn.tail or extras or session.demand.wants_answer):
            picture.update(screen.frame, drawn.owed, drawn.overlay)
            return None
        message = drawn.message(update)
        buffers: Buffers = [message]
        if extras:
            head = update_header(update.count + len(drawn.tail) + len(extras))
            buffers = [b"".join((head, *extras)), memoryview(message)[len(head) :]]
        size_bytes = sum(map(len, buffers))
        session.streams = drawn.opens
        session.waits_since = math.inf
        if 0 < picture.base < screen.frame - 1:
            self.fanout.counters.skipped_frames += screen.frame - 1 - picture.base
        picture.update(screen.frame, drawn.owed, drawn.overlay)
        if update.settles is not None:
            picture.settle(update.settles, self._refresh.rested)
            session.refresh_at = now + size_bytes / BYTES_PER_S
        if picture.settled >= self._refresh.rested and not picture.owed.rects:
            session.content_at = self.stage
        before, after = session.updated(size_bytes, now)
        if after:
            buffers = [before, *buffers, after]
        is_shared = len(buffers) == 1 and update.key is not None and update.settles is None
        return Delivery(session, buffers, size_bytes, update if is_shared else None)

    # -- housekeeping

    def _release(self, session: Session) -> None:
        session.is_served = False
        del self._waits_for[session]

    def _release_all(self) -> None:
        for session in list(self._waits_for):
            self._release(session)

    def _forget_frame(self) -> None:
        self._pieces.clear()
        self._drawing.forget_frame()
        self._refresh.forget_frame()

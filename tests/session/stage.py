"""A stage without sockets: one Broadcast, real sessions, and the independent viewer at the other end of each."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from mpvnc.constants import TILE
from mpvnc.damage import Move, MovedFrame, TileTable
from mpvnc.encodings import encode
from mpvnc.frames import moves as motion
from mpvnc.geometry import Rect
from mpvnc.kernels.tiles import Boxes, Tiles
from mpvnc.pixels import Pixels
from mpvnc.rfb.offer import HandshakeSettings
from mpvnc.session.broadcast import Broadcast, Delivery
from mpvnc.session.following import Following
from mpvnc.session.groups import Groups
from mpvnc.session.heard import Heard
from mpvnc.session.session import NEVER, Session
from mpvnc.session.settings import SessionSettings
from mpvnc.session.update import Buffers
from tests.support.events import Update
from tests.support.handshake import HandshakeChoices
from tests.support.viewer import Viewer


class PaintedScreen:
    """A screen in memory whose damage is found by comparing every pixel of every tile.

    With `finds_moves` a frame is told as a move where the writer of a segment would do so.
    """

    def __init__(self, pixels: Pixels, generation: int = 1) -> None:
        self.generation = generation
        self.height, self.width = pixels.shape
        self.tiles = TileTable(self.width, self.height)
        self.pixels = np.zeros_like(pixels)
        self.frame = 0
        self.move: MovedFrame | None = None
        self.finds_moves = False
        self._advance(pixels, everything=True)

    def paint(self, rect: Rect, pixels: Pixels | int) -> None:
        """Publish the next frame, with `rect` painted."""
        frame = self.pixels.copy()
        frame[rect.y : rect.bottom, rect.x : rect.right] = pixels
        self._advance(frame)

    def publish(self, frame: Pixels, moves: Iterable[Move] = ()) -> None:
        """Publish a frame of which something is known to have moved perhaps."""
        self._advance(frame, moves=moves)

    def _advance(self, frame: Pixels, everything: bool = False, moves: Iterable[Move] = ()) -> None:
        changed = np.zeros(self.tiles.epoch.shape, np.uint8)
        boxes = np.zeros((*changed.shape, 4), np.uint16)
        for row, column in np.ndindex(*changed.shape):
            tile = np.s_[row * TILE : (row + 1) * TILE, column * TILE : (column + 1) * TILE]
            y, x = np.nonzero(self.pixels[tile] != frame[tile])
            if everything:
                changed[row, column], boxes[row, column] = 1, self.tiles.whole[row, column]
            elif len(x):
                changed[row, column] = 1
                boxes[row, column] = x.min(), y.min(), x.max() + 1, y.max() + 1
        self.move = self._find_move(frame, changed, boxes, moves) if self.finds_moves or moves else None
        self.frame += 1
        self.tiles.advance(self.frame, changed, boxes)
        self.pixels = frame

    def _find_move(
        self, frame: Pixels, changed: Tiles, boxes: Boxes, moves: Iterable[Move]
    ) -> MovedFrame | None:
        residual = np.zeros_like(boxes)
        found = motion.choose(
            frame, self.pixels, changed, boxes, motion.Search(), reported=moves, residual=residual
        )
        return MovedFrame(self.frame, found, residual) if found else None


class Pair:
    """A session and the viewer that is connected to it; `hold` keeps the server's bytes back."""

    def __init__(self, stage: Stage, session: Session, viewer: Viewer) -> None:
        self.session = session
        self._stage = stage
        self.viewer = viewer
        self.heard: list[Heard] = []
        self.wire = bytearray()
        self.hold = False
        self.updates_sent = 0
        self.updates: list[Update] = []
        self.is_led = False
        """Whether its session is left to its group, until the viewer says something."""
        self.followed = 0
        """How many updates were its leader's."""

    def advance(self) -> None:
        """Do what may be due now, after anything happened to its session."""
        stage, session = self._stage, self.session
        session.content_at = NEVER
        stage.broadcast.review(session)
        if not session.is_served:
            stage.groups.left(session)
        self.offer()

    def offer(self) -> None:
        """Be offered the screen."""
        self.is_led = False
        if self.hold:
            return
        stage = self._stage
        if delivery := stage.broadcast.offer(self.session, stage.now):
            self.send(delivery.buffers)

    def follow(self, same: Following) -> bool:
        """Hold what its leader got, if that is for it."""
        if not self.hold and same.take(self.session):
            self.followed += 1
            self.is_led = False
            return True
        self.offer()
        return False

    def send_same(self, same: Following) -> None:
        """Get what its leader got."""
        self.send(same.buffers)

    def send(self, buffers: Buffers) -> None:
        """Put an update on the wire."""
        self.wire += self.session.data_to_send()
        for buffer in buffers:
            self.wire += buffer
        self.updates_sent += 1


class Stage:
    """One worker's sessions in front of one screen, with a clock that stands still unless told."""

    def __init__(self, screen: PaintedScreen, settings: SessionSettings | None = None) -> None:
        self.screen = screen
        self.settings = settings or SessionSettings()
        self.broadcast = Broadcast(encode)
        self.broadcast.show(screen)
        self.pairs: list[Pair] = []
        self.groups: Groups[Pair] = Groups(self.broadcast)
        self.polls = True
        """Whether sessions are offered the screen again and again; a worker does that only when something happened."""
        self.now = 100.0
        self.broadcast.look(self.now)

    def join(self, *encodings: int, choices: HandshakeChoices | None = None, view_only: bool = False) -> Pair:
        """Connect a viewer and let it shake hands."""
        handshake = HandshakeSettings((1,), None, None, view_only, bytes(16))
        pair = Pair(self, Session(handshake, self.settings, self.now), Viewer(choices))
        pair.session.show(self.screen, "stage")
        self.pairs.append(pair)
        self.settle()
        if encodings:
            pair.viewer.set_encodings(encodings)
            self.settle()
        return pair

    def paint(self, rect: Rect, pixels: Pixels | int) -> None:
        """Publish a frame and let everybody have it."""
        self.screen.paint(rect, pixels)
        self.broadcast.advance()
        self.broadcast.look(self.now)
        self.lead()
        self.settle()

    def rest(self, seconds: float) -> None:
        """Let time pass, in steps at which the broadcast wants to be looked at."""
        end = self.now + seconds
        while self.now < end:
            self.now = min(end, max(self.broadcast.look_at, self.now + 0.001))
            if self.broadcast.look(self.now):
                self.lead()
            self.settle()

    def publish(self, frame: Pixels, moves: Iterable[Move] = ()) -> None:
        """Publish a whole frame and let everybody have it."""
        self.screen.publish(frame, moves)
        self.broadcast.advance()
        self.broadcast.look(self.now)
        self.lead()
        self.settle()

    def show(self, screen: PaintedScreen) -> None:
        """Show another screen."""
        self.screen = screen
        self.broadcast.show(screen)
        self.groups.clear()
        self.broadcast.look(self.now)
        for pair in self.pairs:
            pair.session.show(screen, "stage")
            pair.advance()
        self.settle()

    def settle(self) -> None:
        """Move bytes, offer and encode until nothing happens any more."""
        while any([self.exchange(pair) for pair in self.pairs]) or self.step():
            pass

    def step(self) -> bool:
        """Encode one slice, if there is any."""
        if not self.broadcast.is_busy or self.broadcast.awaits(self.now):
            return False
        self.groups.hand_out(self.broadcast.step(self.now), self._send, self.now)
        return True

    def _send(self, delivery: Delivery) -> None:
        self.pair_of(delivery.session).send(delivery.buffers)

    def pair_of(self, session: Session) -> Pair:
        """Return the pair that a session belongs to."""
        return next(pair for pair in self.pairs if pair.session is session)

    def lead(self) -> None:
        """Offer a new frame as a worker does it: to one of those who are alike, whom the others follow."""
        for pair in self.pairs:
            pair.is_led = pair.session.is_ready
        self.groups.offer(self.pairs)

    def exchange(self, pair: Pair) -> bool:
        said = pair.viewer.data_to_send()
        if said and pair.session.asks_again(said):
            if pair.session.content_at != self.broadcast.stage:
                pair.offer()
        elif said:
            pair.heard += pair.session.receive_data(said, self.now)
            pair.advance()
        elif self.polls and not pair.is_led:
            pair.offer()
        pair.wire += pair.session.data_to_send()
        if pair.hold or not pair.wire:
            return bool(said)
        data = bytes(pair.wire)
        pair.wire.clear()
        pair.updates += [event for event in pair.viewer.feed(data) if isinstance(event, Update)]
        return True


def noise(width: int, height: int, seed: int = 1) -> Pixels:
    """Return random pixels."""
    return np.random.default_rng(seed).integers(0, 1 << 24, (height, width), np.uint32)

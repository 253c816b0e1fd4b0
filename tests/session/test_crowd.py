"""A crowd of viewers that have nothing in common, in front of a screen that never rests: all see the same in the end.

They differ in encodings, formats, speed and pointers, and change all of that while updates for them are made; they
are led and follow as in a worker. What each holds when everything rests is compared with the screen.
"""

from __future__ import annotations

import random

import numpy as np
import pytest

from mpvnc.constants import Encoding
from mpvnc.geometry import Rect
from mpvnc.pointer import Cursor, PointerState
from mpvnc.session.overlay import compose
from mpvnc.session.picture import EVERYWHERE
from mpvnc.session.refresh import REST_S
from tests.session.stage import PaintedScreen, Pair, Stage, noise
from tests.support.formats import FORMATS
from tests.support.golden import golden

SIZES = ((200, 150), (130, 190))
QUALITY = Encoding.JPEG_QUALITY_LEVEL_0
PIXELS = (
    (Encoding.TIGHT,), (Encoding.TIGHT, QUALITY + 5), (Encoding.ZRLE,), (Encoding.ZLIB,),
    (Encoding.ZRLE, Encoding.COMPRESSION_LEVEL_0 + 9),
    (Encoding.HEXTILE,), (Encoding.JPEG, Encoding.ZRLE, QUALITY + 5), (Encoding.RAW,),
)  # fmt: skip
FEATURES = (
    Encoding.CURSOR, Encoding.X_CURSOR, Encoding.CURSOR_WITH_ALPHA, Encoding.POINTER_POS, Encoding.DESKTOP_NAME,
    Encoding.FENCE, Encoding.CONTINUOUS_UPDATES, Encoding.APPLE_PUSH,
)  # fmt: skip
ALWAYS = (Encoding.DESKTOP_SIZE, Encoding.LAST_RECT)


class Crowd:
    """Viewers, the screen, and whatever happens to them."""

    def __init__(self, seed: int, viewers: int = 7) -> None:
        self.dice = random.Random(seed)
        self.stage = Stage(self.screen(SIZES[0]))
        self.pointer = PointerState()
        self.pixels = self.dice.sample(PIXELS, 2)
        for _ in range(viewers):
            self.stage.join(*self.encodings()).viewer.request(False)
        self.stage.settle()
        self.stage.polls = False

    # -- what there may be

    def screen(self, size: tuple[int, int], generation: int = 1, frame: int = 0) -> PaintedScreen:
        screen = PaintedScreen(golden(*size), generation)
        screen.finds_moves = True
        return screen

    def encodings(self) -> tuple[int, ...]:
        dice = self.dice
        few = dice.sample(FEATURES, dice.choice((0, 0, 1, 3)))
        copies = dice.choice(((), (Encoding.COPY_RECT,)))
        return (*dice.choice(self.pixels), *copies, *few, *ALWAYS)

    def rect(self) -> Rect:
        dice, screen = self.dice, self.stage.screen
        x, y = dice.randrange(screen.width), dice.randrange(screen.height)
        return Rect(x, y, dice.randint(1, screen.width - x), dice.randint(1, screen.height - y))

    # -- what may happen

    def happen(self) -> None:
        what = self.dice.choice((
            self.paint, self.paint, self.paint, self.scroll, self.point, self.point, self.request, self.request,
            self.request_all, self.request_part, self.hold, self.move, self.change, self.reformat, self.wait,
            self.work,
        ))  # fmt: skip
        what()

    def paint(self) -> None:
        rect, seed = self.rect(), self.dice.randrange(1 << 16)
        colour = noise(rect.width, rect.height, seed) if seed % 2 else seed * 77 & 0xFFFFFF
        frame = self.stage.screen.pixels.copy()
        frame[rect.y : rect.bottom, rect.x : rect.right] = colour
        self.show(frame)

    def scroll(self) -> None:
        self.show(np.roll(self.stage.screen.pixels, self.dice.choice((-16, -5, 7, 30)), axis=0))

    def show(self, frame: np.ndarray) -> None:
        """Have a worker take a frame: when it may, and without waiting for what comes of it."""
        stage = self.stage
        if self.dice.random() < 0.5:
            for pair in stage.pairs * 2:
                pair.viewer.request()
                stage.settle()
            self.check()
        while not stage.broadcast.may_advance(stage.now):
            stage.step()
        stage.screen.publish(frame)
        stage.broadcast.advance()
        stage.broadcast.look(stage.now)
        stage.lead()

    def point(self) -> None:
        dice, before = self.dice, self.pointer
        x, y = dice.randrange(-5, 220), dice.randrange(-5, 200)
        cursor, serial = before.cursor, before.serial
        if cursor is None or dice.random() < 0.3:
            pixels = noise(9, 7, dice.randrange(99)) | (noise(9, 7, dice.randrange(99)) & 1) * 0xFF000000
            cursor, serial = Cursor(9, 7, 4, 2, pixels.astype("<u4").tobytes()), serial + 1
        self.pointer = PointerState(serial, x, y, dice.random() < 0.9, cursor)
        self.stage.broadcast.point(self.pointer)
        self.stage.lead()

    def anybody(self) -> Pair:
        return self.dice.choice(self.stage.pairs)

    def request(self) -> None:
        for pair in self.stage.pairs:
            if self.dice.random() < 0.8:
                pair.viewer.request()
        self.work()

    def request_all(self) -> None:
        for pair in self.dice.sample(self.stage.pairs, self.dice.randint(1, 3)):
            pair.viewer.request(False)

    def request_part(self) -> None:
        self.anybody().viewer.request(self.dice.random() < 0.5, tuple(self.rect()))

    def hold(self) -> None:
        pair = self.anybody()
        pair.hold = not pair.hold
        pair.advance()

    def move(self) -> None:
        self.anybody().viewer.send_pointer(0, self.dice.randrange(100), self.dice.randrange(100))

    def change(self) -> None:
        self.anybody().viewer.set_encodings(self.encodings())

    def reformat(self) -> None:
        pair = self.anybody()
        if pair.viewer.ledger.idle:
            pair.viewer.set_pixel_format(FORMATS[self.dice.choice(("bgrx", "bgrx", "rgb565", "rgbx-big"))])
            pair.viewer.request(False)

    def wait(self) -> None:
        self.pass_time(self.dice.choice((0.01, 0.2, 1.1)))

    def pass_time(self, seconds: float) -> None:
        """Let time pass; each client has a timer for when it does not draw the pointer any more."""
        before, stage = self.stage.now, self.stage
        stage.rest(seconds)
        for pair in stage.pairs:
            if before < pair.session.cursors.changes_hands_at() <= stage.now:
                pair.advance()

    def work(self) -> None:
        """Let some bytes go to and fro, and some be made."""
        for _ in range(self.dice.randrange(4)):
            for pair in self.stage.pairs:
                self.stage.exchange(pair)
            self.stage.step()

    def resize(self) -> None:
        stage = self.stage
        stage.settle()
        stage.show(self.screen(self.dice.choice(SIZES), stage.screen.generation + 1))

    # -- what comes of it

    def rest(self) -> None:
        """Let everybody have everything."""
        for pair in self.stage.pairs:
            if pair.hold:
                pair.hold = False
                pair.advance()
        for _ in range(30):
            for pair in self.stage.pairs:
                pair.viewer.request()
            self.stage.settle()
            self.pass_time(max(2 * REST_S, 1.1) / 20)
        self.check(is_at_rest=True)

    def check(self, *, is_at_rest: bool = False) -> None:
        """Compare what everybody sees who has asked for everything, at rest also what was sent with losses."""
        screen, pointer, now = self.stage.screen, self.pointer, self.stage.now
        area = Rect(0, 0, screen.width, screen.height)
        plain, pointed = screen.pixels, compose(screen.pixels, area, pointer if pointer.visible else None)
        for pair in self.stage.pairs:
            if pair.hold or not (is_at_rest or pair.session.picture.settled == EVERYWHERE):
                continue
            viewer, cursors = pair.viewer, pair.session.cursors
            picture = pointed if cursors.wants_drawn(now) else plain
            wrong = np.argwhere(viewer.rgb() != viewer.format.to_rgb(viewer.format.from_rgb(picture)))
            assert not len(wrong), f"{pair.session.encodings}: {len(wrong)} pixels, the first at {wrong[0]}"
            if pointer.cursor is not None:
                self.check_cursor(pair)

    def check_cursor(self, pair: Pair) -> None:
        viewer, cursors, pointer = pair.viewer, pair.session.cursors, self.pointer
        shapes = {
            Encoding.CURSOR: viewer.cursor, Encoding.X_CURSOR: viewer.x_cursor,
            Encoding.CURSOR_WITH_ALPHA: viewer.alpha_cursor,
        }  # fmt: skip
        if cursors.shape is not None:
            shape, draws = shapes[cursors.shape], cursors.draws(self.stage.now) and pointer.visible
            assert shape is not None and bool(shape.mask if hasattr(shape, "mask") else shape.pixels) is draws
        area = Rect(0, 0, viewer.width, viewer.height)
        is_away = not cursors.draws(self.stage.now) and area.contains(Rect(pointer.x, pointer.y, 1, 1))
        if (
            cursors.tells_place
            and pointer.visible
            and is_away
            and cursors.changes_hands_at() <= self.stage.now
        ):
            assert viewer.pointer == (pointer.x, pointer.y)


@pytest.mark.parametrize("seed", range(8))
def test_everybody_sees_the_same_in_the_end(seed: int) -> None:
    crowd = Crowd(seed)
    for phase in range(3):
        for _ in range(8):
            crowd.happen()
        crowd.rest()
        if phase == 1:
            crowd.resize()
    assert seed or sum(pair.followed for pair in crowd.stage.pairs)

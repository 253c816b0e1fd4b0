"""CopyRect: who gets one, and that every picture stays exact. RFC 6143 section 7.7.2."""

from __future__ import annotations

import numpy as np
import pytest

from mpvnc.constants import Encoding
from mpvnc.damage import Move, MovedFrame
from mpvnc.geometry import Rect
from mpvnc.pointer import Cursor, PointerState
from tests.session.stage import PaintedScreen, Pair, Stage, noise
from tests.support.formats import FORMATS
from tests.support.golden import golden, text

COPY, RAW, ZRLE, TIGHT = Encoding.COPY_RECT, Encoding.RAW, Encoding.ZRLE, Encoding.TIGHT
ARROW = Cursor(8, 8, 1, 1, bytes((0, 0, 255, 255)) * 64)
SCREEN = Rect(0, 0, 300, 200)


def staged(pixels=None) -> Stage:
    stage = Stage(PaintedScreen(text(300, 200) if pixels is None else pixels))
    stage.screen.finds_moves = True
    return stage


def watcher(stage: Stage, *encodings: int) -> Pair:
    pair = stage.join(*encodings)
    pair.viewer.request(incremental=False)
    stage.settle()
    pair.viewer.request()
    stage.settle()
    pair.updates.clear()
    return pair


def scrolled(stage: Stage, dy: int = -16, area: Rect = SCREEN, seed: int = 5) -> np.ndarray:
    """Return the picture with `area` scrolled and noise where that leaves a gap."""
    frame = stage.screen.pixels.copy()
    part = frame[area.y : area.bottom, area.x : area.right]
    gap = noise(area.width, abs(dy), seed)
    part[...] = np.vstack((part[-dy:], gap)) if dy < 0 else np.vstack((gap, part[:-dy]))
    return frame


def holds(pair: Pair, stage: Stage) -> bool:
    return np.array_equal(pair.viewer.rgb(), stage.screen.pixels)


def copies(pair: Pair) -> list[tuple]:
    """Return the rectangles and sizes of all CopyRects that it got."""
    return [
        (tuple(one.rect), one.wire_bytes) for update in pair.updates for one in update.rectangles
        if one.encoding == COPY
    ]  # fmt: skip


def point(stage: Stage, x: int, y: int) -> None:
    stage.broadcast.point(PointerState(1, x, y, True, ARROW))
    stage.settle()


def drawn(stage: Stage, x: int, y: int) -> np.ndarray:
    picture = stage.screen.pixels.copy()
    picture[max(y - 1, 0) : y + 7, max(x - 1, 0) : x + 7] = 0xFF0000
    return picture


# -- vectors


def test_a_scroll_by_16_pixels():
    stage = staged()
    pair, plain = watcher(stage, ZRLE, COPY), watcher(stage, ZRLE)
    stage.publish(scrolled(stage))
    (update,) = pair.updates
    assert update.rectangles[0].encoding == COPY
    assert copies(pair) == [((0, 0, 300, 184), 12 + 4)]
    assert sum(one.rect.area for one in update.rectangles[1:]) == 300 * 16
    assert copies(plain) == [] and holds(pair, stage) and holds(plain, stage)


def test_one_row_further_down():
    stage = Stage(PaintedScreen(np.array([[1] * 8, [2] * 8], np.uint32)))
    pair = watcher(stage, RAW, COPY)
    sent = stage.broadcast.fanout.counters.encoded_pixels
    stage.publish(np.array([[0] * 8, [1] * 8], np.uint32), [Move(Rect(0, 0, 8, 1), 0, 1)])
    assert copies(pair) == [((0, 1, 8, 1), 16)] and holds(pair, stage)
    assert stage.broadcast.fanout.counters.encoded_pixels - sent == 8
    pair.updates.clear()
    pair.viewer.request()
    stage.publish(np.array([[7] * 8, [8] * 8], np.uint32), [Move(Rect(0, 0, 8, 1), 0, 1)])
    assert {one.encoding for one in pair.updates[0].rectangles} == {RAW} and holds(pair, stage)


def test_a_part_of_a_reported_move():
    stage = Stage(PaintedScreen(noise(300, 200)))
    pair = watcher(stage, RAW, COPY)
    pair.viewer.request()
    stage.paint(Rect(0, 0, 1, 1), 5)
    pair.updates.clear()
    pair.viewer.request(rect=(60, 70, 20, 10))
    frame = stage.screen.pixels.copy()
    frame[60:90, 50:90] = frame[20:50, 10:50]
    stage.publish(frame, [Move(Rect(10, 20, 40, 30), 40, 40)])
    assert copies(pair) == [((60, 70, 20, 10), 16)]
    assert len(pair.updates[0].rectangles) == 1
    assert np.array_equal(pair.viewer.rgb()[70:80, 60:80], frame[70:80, 60:80])
    assert not holds(pair, stage)
    pair.viewer.request()
    stage.settle()
    assert holds(pair, stage), "the rest was owed"


# -- who gets none


def test_nobody_but_who_holds_the_frame_before():
    stage = staged()
    late, held = watcher(stage, ZRLE, COPY), watcher(stage, ZRLE, COPY)
    held.hold = True
    stage.publish(scrolled(stage))
    late.viewer.request()
    stage.publish(scrolled(stage, seed=6))
    held.hold = False
    stage.settle()
    assert len(copies(late)) == 2 and copies(held) == []
    assert holds(late, stage) and holds(held, stage)


def test_nobody_who_is_owed_something():
    stage = staged()
    pair = watcher(stage, ZRLE, COPY)
    pair.viewer.request(rect=(0, 0, 10, 10))
    stage.publish(golden(300, 200))
    pair.viewer.request(rect=(0, 0, 10, 10))
    stage.publish(golden(300, 200) ^ 1)
    pair.updates.clear()
    pair.viewer.request()
    stage.screen.publish(scrolled(stage))
    stage.broadcast.advance()
    stage.settle()
    assert copies(pair) == [] and holds(pair, stage)


def test_no_answer_to_a_request_for_everything_anew():
    stage = staged()
    pair = watcher(stage, ZRLE, COPY)
    stage.publish(scrolled(stage))
    pair.viewer.framebuffer[...] = 0
    pair.updates.clear()
    pair.viewer.request(False)
    stage.settle()
    assert copies(pair) == [] and holds(pair, stage)


def test_a_list_without_it_ends_it_at_once():
    stage = staged()
    pair = watcher(stage, ZRLE, COPY)
    pair.viewer.set_encodings([ZRLE])
    stage.publish(scrolled(stage))
    assert copies(pair) == [] and holds(pair, stage)


def test_a_list_without_it_while_the_update_is_made():
    stage = staged()
    pair = watcher(stage, ZRLE, COPY)
    stage.screen.publish(scrolled(stage))
    stage.broadcast.advance()
    assert stage.broadcast.offer(pair.session, stage.now) is None and pair.session.is_served
    pair.viewer.set_encodings([ZRLE])
    stage.settle()
    assert copies(pair) == [] and holds(pair, stage)


def test_a_framebuffer_of_another_size_gets_none():
    stage = staged()
    pair = watcher(stage, ZRLE, COPY)
    stage.show(PaintedScreen(text(250, 190), generation=2))
    pair.viewer.request()
    stage.settle()
    pair.viewer.request()
    stage.screen.finds_moves = True
    stage.publish(scrolled(stage, area=Rect(0, 0, 250, 190)))
    assert copies(pair) == []
    assert np.array_equal(pair.viewer.rgb()[:190, :250], stage.screen.pixels)


def test_coarse_pixels_are_not_copied_where_exact_ones_are_due():
    stage = staged(noise(300, 200))
    pair = stage.join(ZRLE, COPY)
    pair.viewer.set_pixel_format(FORMATS["rgb332"])
    pair.viewer.request(False)
    stage.settle()
    pair.viewer.set_pixel_format(FORMATS["rgbx"])
    pair.viewer.request()
    stage.publish(scrolled(stage))
    assert copies(pair) == [] and holds(pair, stage), "all of it changed, and so all of it is exact now"
    pair.viewer.request(False)
    stage.settle()
    pair.viewer.request()
    stage.publish(scrolled(stage))
    assert len(copies(pair)) == 1 and holds(pair, stage)


def test_lossless_after_lossy_copies_nothing():
    stage = staged(noise(300, 200))
    pair = watcher(stage, TIGHT, -32, COPY)
    assert not holds(pair, stage)
    pair.viewer.set_encodings([TIGHT, COPY])
    stage.publish(scrolled(stage))
    assert copies(pair) == [] and holds(pair, stage)


def test_lossy_pixels_do_not_spread_to_tiles_that_stay_as_they_were():
    screen = noise(300, 200)
    screen[:, 128:192] = 0x336699
    stage = staged(screen)
    pair = watcher(stage, TIGHT, -32, COPY)
    frame = scrolled(stage)
    frame[:, 128:192] = 0x336699
    stage.publish(frame)
    assert copies(pair)
    sent = [one.rect for one in pair.updates[0].rectangles if one.encoding != COPY]
    assert any(rect.x <= 128 and rect.x + rect.width >= 192 and rect.y < 64 for rect in sent)
    assert sum(rect.area for rect in sent) < 300 * 200 / 2, "what moved is not sent"


def test_a_wrong_hint_costs_no_pixel():
    stage = staged()
    pair = watcher(stage, ZRLE, COPY)
    for number, move in enumerate(
        [
            Move(Rect(0, 0, 300, 100), 3, 7),
            Move(Rect(-50, -50, 500, 500), 10, 10),
            Move(Rect(0, 16, 300, 184), 0, -16),
            Move(Rect(10, 10, 0, 5), 1, 1),
            Move(Rect(0, 0, 300, 200), 1000, 0),
            Move(Rect(0, 0, 300, 200), 0, 0),
        ]
    ):
        pair.viewer.request()
        stage.publish(scrolled(stage, seed=number), [move])
        assert holds(pair, stage)
    assert len(copies(pair)) >= 1


def test_a_reported_move_in_any_direction():
    stage = staged(noise(300, 200))
    pair = watcher(stage, ZRLE, COPY)
    for dx, dy in ((5, 0), (-7, 0), (3, -4), (-30, 61)):
        pair.updates.clear()
        pair.viewer.request()
        frame = stage.screen.pixels.copy()
        frame[70 + dy : 130 + dy, 100 + dx : 180 + dx] = stage.screen.pixels[70:130, 100:180]
        stage.publish(frame, [Move(Rect(100, 70, 80, 60), dx, dy)])
        assert copies(pair) == [((100 + dx, 70 + dy, 80, 60), 16)]
        assert holds(pair, stage)


# -- sharing


def test_an_audience_shares_it():
    stage = staged()
    pairs = [watcher(stage, ZRLE, COPY) for _ in range(10)]
    before = stage.broadcast.fanout.counters.encodes
    stage.publish(scrolled(stage))
    assert all(holds(pair, stage) and len(copies(pair)) == 1 for pair in pairs)
    assert stage.broadcast.fanout.counters.encodes - before == 1


def test_what_is_drawn_after_it_is_shared_with_those_who_get_none():
    stage = staged()
    copier, plain = watcher(stage, ZRLE, COPY), watcher(stage, ZRLE)
    frame = scrolled(stage, area=Rect(0, 0, 300, 128))
    frame[140:150, 20:40] = 0x123456
    before = stage.broadcast.fanout.counters.hits
    stage.publish(frame)
    assert copies(copier) and holds(copier, stage) and holds(plain, stage)
    assert stage.broadcast.fanout.counters.hits > before


# -- the pointer


@pytest.mark.parametrize("at", [(50, 60), (150, 5), (299, 199), (0, 0), (150, 190)])
@pytest.mark.parametrize("goes", [(0, 0), (3, 2), (40, -40)])
def test_a_drawn_pointer_leaves_no_ghost(at, goes):
    stage = staged()
    point(stage, *at)
    pairs = [watcher(stage, ZRLE, COPY) for _ in range(2)]
    x, y = at
    for seed in range(3):
        stage.screen.publish(scrolled(stage, seed=seed))
        stage.broadcast.advance()
        x, y = min(max(x + goes[0], 0), 299), min(max(y + goes[1], 0), 199)
        point(stage, x, y)
        for pair in pairs:
            assert np.array_equal(pair.viewer.rgb(), drawn(stage, x, y))
            pair.viewer.request()
        stage.settle()
    assert all(len(copies(pair)) == 3 for pair in pairs)


def test_a_move_that_lies_is_none_of_ours():
    """Boxes that hold all that is wrong are the writer's promise; without them the picture shows it."""
    stage = staged()
    pair = watcher(stage, ZRLE, COPY)
    stage.screen.publish(scrolled(stage))
    moved = stage.screen.move
    stage.screen.move = MovedFrame(moved.base, moved.move, np.zeros_like(moved.boxes))
    stage.broadcast.advance()
    stage.settle()
    assert not holds(pair, stage)


# -- for long


@pytest.mark.parametrize("seed", range(4))
def test_a_thousand_rounds_of_scrolling_drawing_and_partial_requests(seed):
    rng = np.random.default_rng(seed)
    stage = staged(text(300, 200))
    kinds = [(COPY, TIGHT), (COPY, RAW, Encoding.CURSOR), (Encoding.ZLIB, COPY), (RAW,)]
    pairs = [watcher(stage, *kind) for kind in kinds]
    where = None
    for _ in range(250):
        if rng.random() < 0.2:
            where = int(rng.integers(300)), int(rng.integers(200))
            point(stage, *where)
        for pair in pairs:
            pair.hold = rng.random() < 0.15
            if rng.random() < 0.3:
                x, y = int(rng.integers(280)), int(rng.integers(180))
                pair.viewer.request(
                    True, (x, y, int(rng.integers(1, 301 - x)), int(rng.integers(1, 201 - y)))
                )
            elif rng.random() < 0.03:
                pair.viewer.request(False)
            else:
                pair.viewer.request()
        publish_something(stage, rng)
        for pair in pairs:
            if not pair.hold and rng.random() < 0.3:
                pair.viewer.request()
                stage.settle()
                pair.viewer.request()
                stage.settle()
                expected = drawn(stage, *where) if where else stage.screen.pixels
                np.testing.assert_array_equal(pair.viewer.rgb(), expected)
    counts = [len(copies(pair)) for pair in pairs]
    assert counts.pop(3) == 0 and min(counts) > 30


def publish_something(stage: Stage, rng: np.random.Generator) -> None:
    kind = rng.random()
    x, y = int(rng.integers(250)), int(rng.integers(150))
    rect = Rect(x, y, int(rng.integers(1, 301 - x)), int(rng.integers(1, 201 - y)))
    if kind < 0.5:
        wide = Rect(rect.x // 4, rect.y // 4, 300 - rect.x // 2, 200 - rect.y // 2)
        dy = int(rng.integers(1, wide.height // 2)) * int(rng.choice((-1, 1)))
        frame = scrolled(stage, dy, wide, int(rng.integers(1 << 30)))
        if rng.random() < 0.5:
            frame[y : y + 5, x : x + 9] ^= 0x111111
        stage.publish(frame)
    elif kind < 0.75:
        frame = stage.screen.pixels.copy()
        to_x, to_y = int(rng.integers(301 - rect.width)), int(rng.integers(201 - rect.height))
        frame[to_y : to_y + rect.height, to_x : to_x + rect.width] = stage.screen.pixels[
            rect.y : rect.bottom, rect.x : rect.right
        ]
        stage.publish(frame, [Move(rect, to_x - rect.x, to_y - rect.y)])
    else:
        stage.paint(rect, noise(rect.width, rect.height, int(rng.integers(1 << 30))))

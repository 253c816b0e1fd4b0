"""What was sent with losses becomes exact when it rests, once, for everybody, and only then."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpvnc.constants import Encoding
from mpvnc.geometry import Rect
from mpvnc.pointer import Cursor, PointerState
from mpvnc.session.refresh import BYTES_PER_S, REST_S
from tests.session.stage import PaintedScreen, Pair, Stage, noise
from tests.support.golden import photo, psnr, text

QUALITY_5, QUALITY_8 = Encoding.JPEG_QUALITY_LEVEL_0 + 5, Encoding.JPEG_QUALITY_LEVEL_0 + 8
TIGHT = (Encoding.TIGHT, QUALITY_5)


def watch(stage: Stage, *encodings: int) -> Pair:
    pair = stage.join(*encodings)
    pair.viewer.request(incremental=False)
    stage.settle()
    return pair


def rest(stage: Stage, seconds: float = 2 * REST_S) -> None:
    """Let time pass while every viewer repeats its request."""
    for _ in range(20):
        for pair in stage.pairs:
            pair.viewer.request()
        stage.rest(seconds / 20)


def is_exact(pair: Pair, stage: Stage, rect: Rect | None = None) -> bool:
    x, y, width, height = rect or Rect(0, 0, stage.screen.width, stage.screen.height)
    area = np.s_[y : y + height, x : x + width]
    return np.array_equal(pair.viewer.rgb()[area], stage.screen.pixels[area])


@pytest.mark.parametrize(
    "encodings",
    [TIGHT, (Encoding.JPEG, Encoding.ZRLE, QUALITY_5), (Encoding.JPEG, Encoding.TIGHT, QUALITY_8)],
)
def test_a_photograph_is_exact_after_a_while(encodings):
    stage = Stage(PaintedScreen(photo(320, 200)))
    pair = watch(stage, *encodings)
    assert not is_exact(pair, stage) and psnr(pair.viewer.rgb(), stage.screen.pixels) > 24
    rest(stage, REST_S / 2)
    assert not is_exact(pair, stage) and pair.viewer.updates == 1
    rest(stage)
    assert is_exact(pair, stage)
    before = pair.updates_sent
    rest(stage)
    assert pair.updates_sent == before, "once"
    assert stage.broadcast.look_at == float("inf"), "nothing is left to look at"


def test_nothing_is_refreshed_unasked():
    stage = Stage(PaintedScreen(photo(320, 200)))
    pair = watch(stage, *TIGHT)
    stage.rest(10 * REST_S)
    assert pair.viewer.updates == 1


def test_what_went_exactly_is_not_sent_again():
    stage = Stage(PaintedScreen(text(320, 200)))
    pair = watch(stage, *TIGHT)
    assert is_exact(pair, stage)
    rest(stage)
    assert pair.updates_sent == 1


def test_clients_without_losses_see_nothing_of_it():
    stage = Stage(PaintedScreen(photo(320, 200)))
    pairs = [watch(stage, Encoding.TIGHT), watch(stage, Encoding.ZRLE, QUALITY_5)]
    watch(stage, *TIGHT)
    rest(stage)
    assert [pair.updates_sent for pair in pairs] == [1, 1]


def test_jpeg_and_raw_alone_stay_as_they_are():
    stage = Stage(PaintedScreen(photo(320, 200)))
    pair = watch(stage, Encoding.JPEG, Encoding.RAW)
    rest(stage)
    assert not is_exact(pair, stage) and pair.updates_sent == 1


def test_a_video_stays_lossy_and_becomes_exact_when_it_stops():
    stage = Stage(PaintedScreen(photo(512, 256)))
    video = Rect(128, 64, 128, 128)
    pair = watch(stage, *TIGHT)
    for number in range(60):
        pair.viewer.request()
        stage.paint(video, noise(128, 128, number))
        assert not is_exact(pair, stage, video)
        pair.viewer.request()
        stage.rest(1 / 30)
    assert is_exact(pair, stage, Rect(256, 0, 256, 256)), "what rests beside it does not wait for it"
    assert is_exact(pair, stage, Rect(0, 0, 128, 256))
    rest(stage)
    assert is_exact(pair, stage)


def test_a_crowd_with_different_bases_shares_the_refresh():
    stage = Stage(PaintedScreen(photo(512, 256)))
    pairs = [watch(stage, *TIGHT) for _ in range(3)]
    for number in range(3):
        pairs[number].viewer.request()
        stage.paint(Rect(40 * number, 30 * number, 90, 90), noise(90, 90, number))
    before = stage.broadcast.fanout.counters.encodes
    rest(stage)
    assert all(is_exact(pair, stage) for pair in pairs)
    alone = Stage(stage.screen)
    one = watch(alone, *TIGHT)
    begun = alone.broadcast.fanout.counters.encodes
    rest(alone)
    assert is_exact(one, alone)
    refreshed = alone.broadcast.fanout.counters.encodes - begun
    caught_up = 10
    assert stage.broadcast.fanout.counters.encodes - before <= refreshed + caught_up


def test_many_at_the_same_place_cost_one():
    costs = []
    for count in (1, 12):
        stage = Stage(PaintedScreen(photo(512, 256)))
        pairs = [watch(stage, *TIGHT) for _ in range(count)]
        rest(stage)
        assert all(is_exact(pair, stage) for pair in pairs)
        costs.append(stage.broadcast.fanout.counters.encodes)
    assert costs[0] == costs[1]


def test_text_typed_over_a_photograph_that_was_settled_is_not_sent_again():
    stage = Stage(PaintedScreen(photo(320, 200)))
    pair = watch(stage, *TIGHT)
    rest(stage)
    before = pair.updates_sent
    for number in range(5):
        pair.viewer.request()
        stage.paint(Rect(20, 20, 10, 12), number)
        rest(stage)
    assert is_exact(pair, stage) and pair.updates_sent == before + 5


def test_text_typed_over_a_photograph_that_was_not_settled():
    stage = Stage(PaintedScreen(photo(320, 200)))
    pair = watch(stage, *TIGHT)
    for number in range(5):
        rest(stage, REST_S / 4)
        stage.paint(Rect(20, 20, 10, 12), number)
    rest(stage)
    assert is_exact(pair, stage)


def test_it_keeps_to_its_budget():
    stage = Stage(PaintedScreen(noise(1024, 512)))
    pair = watch(stage, *TIGHT)
    stage.rest(REST_S)
    sizes = []
    original = pair.send

    def record(buffers):
        sizes.append((stage.now, sum(map(len, buffers))))
        original(buffers)

    pair.send = record
    began = stage.now
    while not is_exact(pair, stage):
        pair.viewer.request()
        stage.rest(0.005)
        assert stage.now < began + 5
    largest = max(size for _, size in sizes)
    assert (
        len(sizes) >= 8 and sum(size for _, size in sizes) <= (stage.now - began) * BYTES_PER_S + 2 * largest
    )


@pytest.mark.parametrize("part", [None, (70, 20, 100, 100)])
def test_what_is_asked_for_again_settles_again(part):
    stage = Stage(PaintedScreen(photo(320, 200)))
    pair = watch(stage, *TIGHT)
    rest(stage)
    pair.viewer.request(False, part)
    stage.settle()
    assert not is_exact(pair, stage)
    rest(stage)
    assert is_exact(pair, stage)


def test_another_rung_settles_nothing():
    stage = Stage(PaintedScreen(photo(320, 200)))
    pair = watch(stage, *TIGHT)
    settled = pair.session.picture.settled
    pair.viewer.set_encodings((Encoding.TIGHT, Encoding.JPEG_QUALITY_LEVEL_0 + 1))
    stage.settle()
    assert pair.session.picture.settled == settled
    rest(stage)
    assert is_exact(pair, stage)
    settled = pair.session.picture.settled
    pair.viewer.set_encodings(TIGHT)
    rest(stage)
    assert pair.session.picture.settled == settled


@pytest.mark.parametrize(
    "then", [(Encoding.TIGHT,), (Encoding.ZRLE,), (Encoding.JPEG, Encoding.ZRLE, QUALITY_8)]
)
def test_whoever_gives_up_its_losses_gets_an_exact_picture(then):
    stage = Stage(PaintedScreen(photo(320, 200)))
    pair = watch(stage, *TIGHT)
    pair.viewer.set_encodings(then)
    rest(stage)
    assert is_exact(pair, stage)
    before = pair.updates_sent
    rest(stage)
    assert pair.updates_sent == before


def test_the_pointer_leaves_what_has_settled_as_it_was():
    cursor = Cursor(40, 40, 1, 1, bytes((0, 0, 255, 255)) * 1600)
    stage = Stage(PaintedScreen(photo(320, 200)))
    stage.broadcast.point(PointerState(1, 30, 30, True, cursor))
    pair = watch(stage, *TIGHT)
    rest(stage)
    for x in (50, 150, 250):
        pair.viewer.request()
        stage.broadcast.point(PointerState(1, x, 100, True, cursor))
        stage.settle()
    rest(stage)
    stage.broadcast.point(PointerState(1, 0, 0, False, cursor))
    rest(stage)
    assert is_exact(pair, stage)


def scrolled(stage: Stage, area: Rect, dy: int) -> np.ndarray:
    """Return the picture with what is in `area` moved up, and noise below it."""
    frame = stage.screen.pixels.copy()
    part = frame[area.y : area.bottom, area.x : area.right]
    part[...] = np.vstack((part[dy:], noise(area.width, min(dy, area.height), dy)))
    return frame


@pytest.mark.parametrize("first_s", [0.0, 2 * REST_S])
@pytest.mark.parametrize("dy", [16, 64, 70])
def test_what_was_copied_becomes_exact_too(first_s, dy):
    stage = Stage(PaintedScreen(photo(400, 300)))
    stage.screen.finds_moves = True
    copies, redraws = watch(stage, *TIGHT, Encoding.COPY_RECT), watch(stage, *TIGHT)
    rest(stage, first_s)
    for number in range(3):
        for pair in stage.pairs:
            pair.viewer.request()
        stage.publish(scrolled(stage, Rect(0, 40, 390, 230), dy))
        assert stage.screen.move is not None, number
    assert any(one.encoding == Encoding.COPY_RECT for update in copies.updates for one in update.rectangles)
    rest(stage)
    rest(stage)
    assert is_exact(copies, stage) and is_exact(redraws, stage)


def test_what_was_copied_over_something_settled():
    stage = Stage(PaintedScreen(photo(256, 256)))
    stage.screen.finds_moves = True
    pair = watch(stage, *TIGHT, Encoding.COPY_RECT)
    rest(stage)
    pair.viewer.request()
    stage.paint(Rect(0, 128, 256, 64), noise(256, 64, 1))
    pair.viewer.request()
    stage.settle()
    stage.publish(scrolled(stage, Rect(0, 0, 256, 256), 64))
    assert pair.updates[-1].rectangles[0].encoding == Encoding.COPY_RECT
    rest(stage)
    assert is_exact(pair, stage)


def test_a_settled_tile_that_a_copy_leaves_as_it_was():
    screen = photo(300, 256)
    screen[:, 128:192] = np.tile(noise(64, 64, 3), (4, 1))
    stage = Stage(PaintedScreen(screen))
    stage.screen.finds_moves = True
    pair = watch(stage, *TIGHT, Encoding.COPY_RECT)
    rest(stage)
    assert is_exact(pair, stage)
    pair.viewer.request()
    frame = scrolled(stage, Rect(0, 0, 300, 256), 64)
    frame[:, 128:192] = screen[:, 128:192]
    stage.publish(frame)
    assert pair.updates[-1].rectangles[0].encoding == Encoding.COPY_RECT
    assert stage.screen.tiles.epoch[0, 2] == 1
    rest(stage)
    assert is_exact(pair, stage)


def test_a_photograph_after_text():
    stage = Stage(PaintedScreen(text(320, 200)))
    pair = watch(stage, *TIGHT)
    rest(stage)
    pair.viewer.request()
    stage.paint(Rect(0, 0, 320, 200), photo(320, 200))
    assert not is_exact(pair, stage)
    rest(stage)
    assert is_exact(pair, stage)


def test_text_that_scrolls_is_not_sent_again():
    stage = Stage(PaintedScreen(text(400, 300)))
    stage.screen.finds_moves = True
    pair = watch(stage, *TIGHT, Encoding.COPY_RECT)
    pair.viewer.request()
    frame = stage.screen.pixels.copy()
    frame[:-16] = stage.screen.pixels[16:]
    stage.publish(frame)
    before = pair.updates_sent
    rest(stage)
    assert is_exact(pair, stage) and pair.updates_sent == before == 2


def test_another_screen_begins_anew():
    stage = Stage(PaintedScreen(photo(320, 200)))
    pair = watch(stage, *TIGHT, Encoding.DESKTOP_SIZE)
    rest(stage)
    stage.show(PaintedScreen(photo(400, 300), generation=2))
    for _ in range(3):
        rest(stage)
    assert is_exact(pair, stage)


rects = st.builds(Rect, st.integers(0, 250), st.integers(0, 180), st.integers(1, 120), st.integers(1, 120))
actions = st.tuples(
    st.sampled_from(
        (
            "paint",
            "noise",
            "noise",
            "ask",
            "again",
            "part",
            "time",
            "time",
            "rung",
            "leave",
            "hold",
            "scroll",
            "scroll",
            "point",
        )
    ),
    rects,
    st.integers(0, 2),
)


@settings(max_examples=60)
@given(st.lists(actions, max_size=40))
def test_any_sequence_ends_in_the_exact_picture(sequence):
    stage = Stage(PaintedScreen(photo(257, 190)))
    stage.screen.finds_moves = True
    cursor = Cursor(20, 20, 1, 1, bytes((0, 0, 255, 255)) * 400)
    pairs = [
        watch(stage, *TIGHT),
        watch(stage, Encoding.JPEG, Encoding.ZRLE, Encoding.COPY_RECT, QUALITY_8),
        watch(stage, Encoding.TIGHT, Encoding.COPY_RECT, QUALITY_5),
    ]
    for what, rect, number in sequence:
        pair, area = pairs[number], rect.intersect(Rect(0, 0, 257, 190))
        if what == "paint":
            stage.paint(area, number)
        elif what == "noise":
            stage.paint(area, noise(area.width, area.height, rect.x))
        elif what in ("ask", "again"):
            pair.viewer.request(what == "ask")
        elif what == "part":
            pair.viewer.request(rect.x % 2 > 0, tuple(rect))
        elif what == "time":
            stage.rest(rect.x / 250)
        elif what == "rung":
            level = Encoding.JPEG_QUALITY_LEVEL_0 + rect.x % 10
            pair.viewer.set_encodings((pair.session.encodings[0], *pair.session.encodings[1:-1], level))
        elif what == "leave":
            pair.viewer.set_encodings((Encoding.ZRLE, Encoding.COPY_RECT) if rect.x % 2 else TIGHT)
        elif what == "scroll" and area.height > 8:
            stage.publish(scrolled(stage, area, 8 + rect.x % max(area.height - 8, 1)))
        elif what == "point":
            stage.broadcast.point(PointerState(1, rect.x, rect.y, rect.width % 4 > 0, cursor))
        elif what == "hold":
            pair.hold = not pair.hold
        stage.settle()
    for pair in pairs:
        pair.hold = False
    stage.broadcast.point(PointerState(1, 0, 0, False, cursor))
    for _ in range(4):
        rest(stage)
    assert all(is_exact(pair, stage) for pair in pairs)

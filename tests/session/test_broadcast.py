"""Who gets which update: exact pixels for everybody, encoded once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpvnc.constants import Encoding
from mpvnc.geometry import Rect
from mpvnc.pointer import Cursor, PointerState
from mpvnc.session.cursors import OWN_POINTER_S
from mpvnc.session.fanout import SHARED_UPDATES
from mpvnc.session.update import BrokenUpdate
from tests.session.stage import PaintedScreen, Pair, Stage, noise
from tests.support.formats import FORMATS
from tests.support.golden import golden, text

LOSSLESS = (Encoding.RAW, Encoding.RRE, Encoding.HEXTILE, Encoding.ZLIB, Encoding.TIGHT, Encoding.ZRLE)


def holds(pair: Pair, stage: Stage) -> bool:
    return np.array_equal(pair.viewer.rgb(), stage.screen.pixels)


@pytest.mark.parametrize("encoding", LOSSLESS)
def test_a_joiner_gets_the_whole_screen(encoding):
    stage = Stage(PaintedScreen(golden(200, 150)))
    pair = stage.join(encoding)
    pair.viewer.request(incremental=False)
    stage.settle()
    assert holds(pair, stage)


def test_no_answer_until_there_is_something_to_say():
    stage = Stage(PaintedScreen(golden(200, 150)))
    pair = stage.join(Encoding.ZRLE)
    pair.viewer.request(incremental=False)
    stage.settle()
    pair.viewer.request()
    stage.settle()
    assert pair.viewer.updates == 1
    stage.paint(Rect(3, 4, 5, 6), 0x123456)
    assert pair.viewer.updates == 2
    assert holds(pair, stage)


def test_a_request_that_a_change_misses_stays_open():
    stage = Stage(PaintedScreen(golden(200, 150)))
    pair = stage.join(Encoding.RAW)
    pair.viewer.request(incremental=False)
    stage.settle()
    pair.viewer.request(rect=(0, 0, 10, 10))
    stage.settle()
    stage.paint(Rect(100, 100, 5, 5), 0xFF0000)
    assert pair.viewer.updates == 1
    stage.paint(Rect(0, 0, 5, 5), 0x00FF00)
    assert pair.viewer.updates == 2
    pair.viewer.request()
    stage.settle()
    assert holds(pair, stage), "what lay outside of the request was owed"


def test_requests_beyond_the_framebuffer_are_clipped():
    stage = Stage(PaintedScreen(golden(300, 200)))
    pair = stage.join(Encoding.RAW)
    pair.viewer.request(False, (100, 100, 500, 500))
    stage.settle()
    assert np.array_equal(pair.viewer.rgb()[100:, 100:], stage.screen.pixels[100:, 100:])
    for empty in ((0, 0, 0, 10), (300, 0, 5, 5)):
        before = pair.viewer.updates
        pair.viewer.request(False, empty)
        stage.settle()
        assert pair.viewer.updates == before + 1


def test_a_full_request_is_not_lost_behind_a_partial_one():
    stage = Stage(PaintedScreen(golden(200, 150)))
    pair = stage.join(Encoding.ZLIB)
    pair.viewer.request(incremental=False)
    pair.viewer.request(True, (10, 10, 5, 5))
    stage.settle()
    assert holds(pair, stage)


def test_many_requests_are_answered_by_one_update():
    stage = Stage(PaintedScreen(golden(200, 150)))
    pair = stage.join(Encoding.TIGHT)
    pair.viewer.request(incremental=False)
    stage.settle()
    for _ in range(200):
        pair.viewer.request()
    stage.settle()
    stage.paint(Rect(0, 0, 9, 9), 1)
    assert pair.updates_sent == 2


@pytest.mark.parametrize("encoding", LOSSLESS)
def test_ten_viewers_cost_one_encode(encoding):
    screen = PaintedScreen(noise(256, 192))
    alone, crowd = Stage(screen), Stage(screen)
    for stage, count in ((alone, 1), (crowd, 10)):
        pairs = [stage.join(encoding) for _ in range(count)]
        for pair in pairs:
            pair.viewer.request(incremental=False)
        stage.settle()
        assert all(holds(pair, stage) for pair in pairs)
    assert crowd.broadcast.fanout.counters.encodes == alone.broadcast.fanout.counters.encodes


def test_a_joiner_among_watchers_shares_what_they_share():
    stage = Stage(PaintedScreen(noise(256, 192)))
    first, second = stage.join(Encoding.ZRLE), stage.join(Encoding.ZRLE)
    for pair in (first, second):
        pair.viewer.request(incremental=False)
        stage.settle()
    for number in range(5):
        for pair in (first, second):
            pair.viewer.request()
        stage.paint(Rect(number * 40, 20, 30, 90), noise(30, 90, number))
    assert holds(first, stage) and holds(second, stage)


def test_a_joiner_goes_on_over_new_frames():
    stage = Stage(PaintedScreen(noise(640, 640)))
    pair = stage.join(Encoding.ZRLE)
    pair.viewer.request(incremental=False)
    stage.exchange(pair)
    stage.step()
    assert stage.broadcast.may_advance(stage.now)
    assert not stage.broadcast.may_advance(stage.now + 1), "a joiner does not wait for ever"
    stage.paint(Rect(0, 600, 640, 40), 0xABCDEF)
    assert holds(pair, stage)
    assert stage.broadcast.fanout.counters.hits >= 1


def test_watchers_hold_the_frame_they_wait_for():
    stage = Stage(PaintedScreen(noise(640, 640)))
    pair = stage.join(Encoding.ZRLE)
    pair.viewer.request(incremental=False)
    stage.settle()
    pair.viewer.request()
    stage.exchange(pair)
    stage.screen.paint(Rect(0, 0, 640, 640), noise(640, 640, 9))
    stage.broadcast.advance()
    stage.exchange(pair)
    assert stage.broadcast.is_busy and not stage.broadcast.may_advance(stage.now)


def test_a_format_set_while_an_update_is_made():
    from tests.support.formats import RGB565

    stage = Stage(PaintedScreen(text(300, 200)))
    pair = stage.join(Encoding.ZRLE, Encoding.FENCE)
    pair.viewer.request(incremental=False)
    stage.exchange(pair)
    assert stage.broadcast.is_busy
    pair.viewer.set_pixel_format(RGB565)
    pair.viewer.request(incremental=False)
    stage.settle()
    expected = pair.viewer.format.to_rgb(pair.viewer.format.from_rgb(stage.screen.pixels))
    assert np.array_equal(pair.viewer.rgb(), expected)


# -- what is said while an update is made


def being_made(*encodings: int) -> tuple[Stage, Pair]:
    """Return a stage whose one viewer waits for an update of which one slice is encoded."""
    stage = Stage(PaintedScreen(noise(600, 400)))
    pair = watcher(stage, *encodings)
    stage.screen.paint(Rect(0, 0, 600, 400), noise(600, 400, 5))
    stage.broadcast.advance()
    stage.exchange(pair)
    stage.step()
    assert pair.session.is_served and stage.broadcast.is_busy
    return stage, pair


@pytest.mark.parametrize("part", [None, (70, 70, 100, 100)])
def test_a_non_incremental_request_is_answered_in_full(part):
    stage, pair = being_made(Encoding.ZRLE)
    pair.viewer.framebuffer[...] = 0  # a viewer that lost its picture
    pair.viewer.request(False, part)
    stage.settle()
    x, y, width, height = part or (0, 0, 600, 400)
    area = np.s_[y : y + height, x : x + width]
    assert np.array_equal(pair.viewer.rgb()[area], stage.screen.pixels[area])


@pytest.mark.parametrize("part", [(0, 0, 600, 400), (200, 100, 50, 50)])
def test_what_is_asked_for_again_while_something_else_is_made_is_not_lost(part):
    stage = Stage(PaintedScreen(noise(600, 400)))
    pair = watcher(stage, Encoding.ZRLE)
    stage.screen.paint(Rect(0, 0, 64, 64), noise(64, 64, 5))
    stage.broadcast.advance()
    stage.exchange(pair)
    assert pair.session.is_served
    pair.viewer.framebuffer[...] = 0
    pair.viewer.request(False, part)
    stage.settle()
    assert np.array_equal(pair.viewer.rgb()[100:150, 200:250], stage.screen.pixels[100:150, 200:250])


def test_no_update_follows_the_end_of_continuous_updates():
    stage = Stage(PaintedScreen(noise(600, 400)))
    pair = stage.join(Encoding.ZRLE, Encoding.FENCE, Encoding.CONTINUOUS_UPDATES)
    pair.viewer.enable_continuous_updates(True)
    stage.exchange(pair)
    stage.step()
    assert pair.session.is_served
    pair.viewer.enable_continuous_updates(False)
    stage.settle()
    assert pair.viewer.updates == 0 and not stage.broadcast.is_busy


def test_continuous_updates_stay_inside_their_rectangle():
    stage = Stage(PaintedScreen(noise(600, 400)))
    pair = stage.join(Encoding.RAW, Encoding.FENCE, Encoding.CONTINUOUS_UPDATES)
    pair.viewer.enable_continuous_updates(True)
    stage.exchange(pair)
    assert pair.session.is_served
    pair.viewer.enable_continuous_updates(True, (10, 20, 30, 40))
    stage.settle()
    stage.paint(Rect(0, 0, 600, 400), 0xFFFFFF)
    expected = np.zeros((400, 600), np.uint32)
    expected[20:60, 10:40] = 0xFFFFFF
    assert np.array_equal(pair.viewer.rgb(), expected)
    pair.viewer.request(True)
    stage.settle()
    assert not holds(pair, stage), "incremental requests are ignored meanwhile"
    pair.viewer.request(False)
    stage.settle()
    assert holds(pair, stage), "others are not"


def test_a_format_behind_sync_next_while_an_update_is_made():
    from tests.support.formats import RGB332

    stage = Stage(PaintedScreen(noise(600, 400)))
    pair = stage.join(Encoding.ZRLE, Encoding.FENCE, Encoding.CONTINUOUS_UPDATES)
    pair.viewer.enable_continuous_updates(True)
    stage.exchange(pair)
    stage.step()
    pair.viewer.set_pixel_format(RGB332)  # SyncNext, then SetPixelFormat
    pair.viewer.set_encodings((Encoding.HEXTILE, Encoding.FENCE, Encoding.CONTINUOUS_UPDATES))
    stage.settle()
    expected = RGB332.to_rgb(RGB332.from_rgb(stage.screen.pixels))
    assert np.array_equal(pair.viewer.rgb(), expected)


def test_whoever_leaves_does_not_stop_the_others():
    stage = Stage(PaintedScreen(noise(600, 400)))
    leaver, stayer = stage.join(Encoding.ZRLE), stage.join(Encoding.ZRLE)
    for pair in (leaver, stayer):
        pair.viewer.request(False)
        stage.exchange(pair)
    stage.step()
    stage.pairs.remove(leaver)
    stage.broadcast.leave(leaver.session)
    stage.settle()
    assert holds(stayer, stage)
    stage.broadcast.leave(stayer.session)
    assert not stage.broadcast.is_busy


def test_an_update_that_cannot_be_made_leaves_nobody_waiting():
    def broken(*_):
        raise ValueError("a bug")

    stage = Stage(PaintedScreen(noise(600, 400)))
    pair = stage.join(Encoding.ZRLE)
    stage.broadcast.fanout.cache._encode = broken
    pair.viewer.request(False)
    stage.exchange(pair)
    with pytest.raises(BrokenUpdate) as raised:
        stage.step()
    assert raised.value.update.waiting == [pair.session]
    stage.broadcast.leave(pair.session)
    assert not pair.session.is_served and not stage.broadcast.is_busy


def test_ever_new_classes_keep_few_messages():
    from tests.support.formats import FORMATS

    stage = Stage(PaintedScreen(noise(64, 64)))
    point(stage, 20, 20)
    pair = stage.join(Encoding.RAW)
    for _ in range(2):
        for encoding in LOSSLESS:
            pair.viewer.set_encodings([encoding])
            for fmt in FORMATS.values():
                pair.viewer.set_pixel_format(fmt)
                pair.viewer.request(False)
                stage.settle()
    assert len(stage.broadcast._drawing._drawn) <= SHARED_UPDATES
    assert len(stage.broadcast.fanout._shared) <= SHARED_UPDATES


# -- change of size


@pytest.mark.parametrize("extension", [Encoding.DESKTOP_SIZE, Encoding.EXTENDED_DESKTOP_SIZE])
@pytest.mark.parametrize("size", [(120, 90), (400, 300)])
def test_a_change_of_size_is_told_alone(extension, size):
    stage = Stage(PaintedScreen(golden(200, 150)))
    pair = stage.join(Encoding.ZRLE, extension)
    pair.viewer.request(incremental=False)
    stage.settle()
    pair.viewer.request()
    stage.settle()
    stage.show(PaintedScreen(noise(*size), generation=2))
    assert (pair.viewer.width, pair.viewer.height) == size
    pair.viewer.request()
    stage.settle()
    assert holds(pair, stage)


@pytest.mark.parametrize("size", [(120, 90), (400, 300), (100, 300)])
def test_a_client_that_cannot_be_resized_gets_what_it_can_hold(size):
    stage = Stage(PaintedScreen(noise(200, 150)))
    pair = stage.join(Encoding.HEXTILE)
    pair.viewer.request(incremental=False)
    stage.settle()
    pair.viewer.request()
    stage.settle()
    stage.show(PaintedScreen(noise(*size, seed=2), generation=2))
    pair.viewer.request()
    stage.settle()
    expected = np.zeros((150, 200), np.uint32)
    height, width = min(150, size[1]), min(200, size[0])
    expected[:height, :width] = stage.screen.pixels[:height, :width]
    assert np.array_equal(pair.viewer.rgb(), expected)


@pytest.mark.parametrize("extension", [Encoding.DESKTOP_SIZE, Encoding.EXTENDED_DESKTOP_SIZE])
def test_only_the_last_of_several_sizes_is_told(extension):
    stage = Stage(PaintedScreen(noise(200, 150)))
    pair = stage.join(Encoding.ZRLE, extension)
    pair.viewer.request(incremental=False)
    stage.settle()
    told = len(pair.viewer.resizes)
    stage.show(PaintedScreen(noise(120, 90, 2), generation=2))
    stage.show(PaintedScreen(noise(300, 40, 3), generation=3))
    pair.viewer.request()
    stage.settle()
    assert len(pair.viewer.resizes) == told + 1 and (pair.viewer.width, pair.viewer.height) == (300, 40)
    stage.show(PaintedScreen(noise(10, 10, 4), generation=4))
    stage.show(PaintedScreen(noise(300, 40, 5), generation=5))
    pair.viewer.request()
    stage.settle()
    assert len(pair.viewer.resizes) == told + 1, "there and back is no change"
    assert holds(pair, stage)


def test_a_new_size_while_an_update_is_made():
    stage, pair = being_made(Encoding.ZRLE, Encoding.DESKTOP_SIZE)
    stage.show(PaintedScreen(noise(100, 80, 7), generation=2))
    assert (pair.viewer.width, pair.viewer.height) == (100, 80)
    pair.viewer.request()
    stage.settle()
    assert holds(pair, stage)


def test_continuous_updates_go_on_after_a_new_size():
    stage = Stage(PaintedScreen(noise(200, 150)))
    pair = stage.join(Encoding.RAW, Encoding.DESKTOP_SIZE, Encoding.CONTINUOUS_UPDATES, Encoding.FENCE)
    pair.viewer.enable_continuous_updates(True)
    stage.settle()
    stage.show(PaintedScreen(noise(150, 100, 2), generation=2))
    assert holds(pair, stage)


def test_black_beyond_the_screen_comes_again_when_asked_for():
    stage = Stage(PaintedScreen(noise(200, 150)))
    pair = watcher(stage, Encoding.RAW)
    stage.show(PaintedScreen(noise(100, 80, 2), generation=2))
    pair.viewer.framebuffer[...] = 0xFFFFFF
    pair.viewer.request(False)
    stage.settle()
    expected = np.zeros((150, 200), np.uint32)
    expected[:80, :100] = stage.screen.pixels
    assert np.array_equal(pair.viewer.rgb(), expected)


def test_a_request_to_resize_is_prohibited():
    stage = Stage(PaintedScreen(golden(200, 150)))
    pair = stage.join(Encoding.RAW, Encoding.EXTENDED_DESKTOP_SIZE)
    pair.viewer.request(incremental=False)
    stage.settle()
    pair.viewer.set_desktop_size(640, 480)
    stage.settle()
    answer = pair.viewer.resizes[-1]
    assert (answer.reason, answer.status, answer.width, answer.height) == (1, 1, 200, 150)


# -- continuous updates and fences


def test_continuous_updates_wait_for_the_fence():
    stage = Stage(PaintedScreen(golden(200, 150)))
    pair = stage.join(Encoding.RAW, Encoding.FENCE, Encoding.CONTINUOUS_UPDATES)
    pair.viewer.enable_continuous_updates(True)
    stage.settle()
    assert holds(pair, stage)
    pair.viewer.answers_fences = False
    for colour in range(1, 6):
        stage.paint(Rect(0, 0, 200, 150), colour)
    before = pair.viewer.updates
    assert not holds(pair, stage)
    pair.viewer.answers_fences = True
    pair.viewer.release_fences()
    stage.settle()
    assert holds(pair, stage)
    assert pair.viewer.updates == before + 1, "the frames in between were skipped"


def test_ending_continuous_updates_is_always_confirmed():
    stage = Stage(PaintedScreen(golden(64, 64)))
    pair = stage.join(Encoding.RAW, Encoding.CONTINUOUS_UPDATES)
    pair.viewer.enable_continuous_updates(True)
    stage.settle()
    pair.viewer.enable_continuous_updates(False)
    stage.settle()
    before = pair.viewer.updates
    stage.paint(Rect(0, 0, 5, 5), 7)
    assert pair.viewer.updates == before


# -- the pointer

ARROW = Cursor(8, 8, 1, 1, bytes((0, 0, 255, 255)) * 64)


def drawn(stage: Stage, x: int, y: int) -> np.ndarray:
    picture = stage.screen.pixels.copy()
    picture[max(y - 1, 0) : y + 7, max(x - 1, 0) : x + 7] = 0xFF0000
    return picture


def point(stage: Stage, x: int, y: int, visible: bool = True) -> None:
    stage.broadcast.point(PointerState(1, x, y, visible, ARROW))
    stage.settle()


def watcher(stage: Stage, *encodings: int) -> Pair:
    pair = stage.join(*encodings)
    pair.viewer.request(incremental=False)
    stage.settle()
    pair.viewer.request()
    stage.settle()
    return pair


@pytest.mark.parametrize("encodings", [(Encoding.ZRLE,), (Encoding.TIGHT, Encoding.CURSOR)])
def test_the_audience_sees_the_pointer_move(encodings):
    stage = Stage(PaintedScreen(golden(300, 200)))
    point(stage, 20, 30)
    pairs = [watcher(stage, *encodings) for _ in range(3)]
    for x, y in ((20, 30), (22, 31), (200, 100), (299, 199), (0, 0)):
        point(stage, x, y)
        for pair in pairs:
            assert np.array_equal(pair.viewer.rgb(), drawn(stage, x, y))
            pair.viewer.request()
        stage.settle()
    point(stage, 5, 5, visible=False)
    assert all(holds(pair, stage) for pair in pairs)


def test_damage_under_the_pointer_does_not_wipe_it():
    stage = Stage(PaintedScreen(golden(300, 200)))
    point(stage, 50, 50)
    pair = watcher(stage, Encoding.ZRLE)
    stage.paint(Rect(40, 40, 30, 30), 0x00FF00)
    assert np.array_equal(pair.viewer.rgb(), drawn(stage, 50, 50))


def test_whoever_moves_it_draws_it():
    stage = Stage(PaintedScreen(golden(300, 200)))
    point(stage, 50, 50)
    presenter, audience = watcher(stage, Encoding.RAW, Encoding.CURSOR), watcher(stage, Encoding.RAW)
    assert presenter.viewer.cursor.width == 0, "it is drawn into the picture: no second pointer"
    presenter.viewer.send_pointer(0, 60, 60)
    stage.settle()
    point(stage, 60, 60)
    assert holds(presenter, stage)
    assert presenter.viewer.cursor.width == 8
    assert np.array_equal(audience.viewer.rgb(), drawn(stage, 60, 60))
    presenter.viewer.request()
    stage.now += OWN_POINTER_S
    stage.settle()
    assert np.array_equal(presenter.viewer.rgb(), drawn(stage, 60, 60))
    assert presenter.viewer.cursor.width == 0


def test_a_pointer_in_front_of_a_crowd_is_encoded_once():
    stage = Stage(PaintedScreen(golden(300, 200)))
    point(stage, 50, 50)
    pairs = [watcher(stage, Encoding.ZRLE) for _ in range(10)]
    before = stage.broadcast.fanout.counters.encodes
    point(stage, 150, 150)
    assert stage.broadcast.fanout.counters.encodes == before + 2, "one for the old place, one for the new"
    assert all(np.array_equal(pair.viewer.rgb(), drawn(stage, 150, 150)) for pair in pairs)


# -- everything at once

rects = st.builds(Rect, st.integers(0, 250), st.integers(0, 180), st.integers(1, 120), st.integers(1, 120))
actions = st.one_of(
    st.tuples(st.just("paint"), rects, st.integers(0, 0xFFFFFF)),
    st.tuples(st.just("noise"), rects, st.integers(0, 99)),
    st.tuples(st.just("ask"), rects, st.integers(0, 3)),
    st.tuples(st.just("again"), rects, st.integers(0, 3)),
    st.tuples(st.just("point"), rects, st.just(0)),
    st.tuples(st.just("hold"), rects, st.integers(0, 3)),
)


@settings(max_examples=40)
@given(st.lists(actions, max_size=25), st.booleans())
def test_any_sequence_ends_in_the_right_picture(sequence, with_pointer):
    stage = Stage(PaintedScreen(text(257, 190)))
    if with_pointer:
        point(stage, 100, 100)
    pairs = [
        watcher(stage, encoding) for encoding in (Encoding.ZRLE, Encoding.ZLIB, Encoding.TIGHT, Encoding.RAW)
    ]
    for what, rect, number in sequence:
        area = rect.intersect(Rect(0, 0, 257, 190))
        if what == "paint":
            stage.paint(area, number)
        elif what == "noise":
            stage.paint(area, noise(area.width, area.height, number))
        elif what == "point" and with_pointer:
            point(stage, rect.x, rect.y)
        elif what == "hold":
            pairs[number].hold = not pairs[number].hold
        elif what in ("ask", "again"):
            pairs[number].viewer.request(what == "ask", tuple(rect))
        stage.settle()
    position = stage.broadcast.pointer
    for pair in pairs:
        pair.hold = False
        stage.settle()
        pair.viewer.request()
        stage.settle()
        expected = drawn(stage, position.x, position.y) if with_pointer else stage.screen.pixels
        assert np.array_equal(pair.viewer.rgb(), expected)


SIZES = ((257, 190), (120, 64), (300, 200))
ABILITIES = (
    (Encoding.ZRLE, Encoding.DESKTOP_SIZE, Encoding.CURSOR, Encoding.DESKTOP_NAME),
    (Encoding.TIGHT, Encoding.EXTENDED_DESKTOP_SIZE, Encoding.FENCE, Encoding.CONTINUOUS_UPDATES),
    (Encoding.RAW,),
)
moves = st.tuples(
    st.sampled_from(
        ("paint", "ask", "again", "point", "step", "step", "exchange", "exchange", "continuous", "format", "show",
         "name", "move", "encoding")
    ),
    rects,
    st.integers(0, 2),
)  # fmt: skip


class Fuzz:
    """A stage on which nothing settles unless told: everything may happen while an update is made."""

    def __init__(self) -> None:
        self.stage = Stage(PaintedScreen(text(*SIZES[0])))
        self.pairs = [self.stage.join(*abilities) for abilities in ABILITIES]
        self.generation = 1

    def do(self, what: str, rect: Rect, number: int) -> None:
        self._change(what, rect, number)
        if what not in ("paint", "step", "point", "show") and rect.y % 4:
            self.stage.exchange(self.pairs[number])

    def _change(self, what: str, rect: Rect, number: int) -> None:
        stage, pair = self.stage, self.pairs[number]
        viewer = pair.viewer
        if what == "paint":
            area = rect.intersect(Rect(0, 0, stage.screen.width, stage.screen.height))
            stage.screen.paint(area, noise(area.width, area.height, number))
            stage.broadcast.advance()
        elif what == "step":
            stage.step()
        elif what == "exchange":
            stage.exchange(pair)
        elif what in ("ask", "again"):
            viewer.request(what == "ask", tuple(rect) if rect.x % 2 else None)
        elif what == "point":
            stage.broadcast.point(PointerState(1, rect.x, rect.y, rect.width % 5 > 0, ARROW))
        elif what == "move":
            viewer.send_pointer(0, rect.x, rect.y)
        elif what == "name":
            pair.session.rename(f"name {rect.x}")
        elif what == "continuous" and viewer.ledger.continuous_known:
            viewer.enable_continuous_updates(rect.x % 3 > 0, tuple(rect) if rect.x % 2 else None)
        elif what == "format" and (viewer.ledger.idle or viewer.ledger.fence_known):
            viewer.set_pixel_format(list(FORMATS.values())[rect.x % 7])
        elif what == "encoding":
            viewer.set_encodings((LOSSLESS[rect.x % len(LOSSLESS)], *ABILITIES[number][1:]))
        elif what == "show":
            self.generation += 1
            stage.screen = PaintedScreen(noise(*SIZES[rect.x % 3], rect.y), self.generation)
            stage.broadcast.show(stage.screen)
            for one in self.pairs:
                one.session.show(stage.screen, "stage")

    def expected(self, pair: Pair) -> np.ndarray:
        viewer, screen = pair.viewer, self.stage.screen
        picture = np.zeros((viewer.height, viewer.width), np.uint32)
        height, width = min(viewer.height, screen.height), min(viewer.width, screen.width)
        picture[:height, :width] = screen.pixels[:height, :width]
        return viewer.format.to_rgb(viewer.format.from_rgb(picture))


@settings(max_examples=60)
@given(st.lists(moves, max_size=40))
def test_whatever_happens_while_updates_are_made(sequence):
    fuzz = Fuzz()
    for what, rect, number in sequence:
        fuzz.do(what, rect, number)
    stage = fuzz.stage
    stage.settle()
    stage.broadcast.point(PointerState(1, 0, 0, False, ARROW))
    for pair in fuzz.pairs:
        for incremental in (True, False, True):
            pair.viewer.request(incremental)
            stage.settle()
        assert np.array_equal(pair.viewer.rgb(), fuzz.expected(pair))
    assert not stage.broadcast.is_busy and not any(pair.session.is_served for pair in fuzz.pairs)


def test_a_busy_screen_does_not_starve_a_joiner():
    stage = Stage(PaintedScreen(noise(640, 640)))
    pair = stage.join(Encoding.ZRLE)
    pair.viewer.request(incremental=False)
    stage.exchange(pair)
    for number in range(10):
        stage.now += 0.033
        stage.step()
        if pair.updates_sent or not stage.broadcast.may_advance(stage.now):
            break
        stage.screen.paint(Rect(0, 0, 640, 640), noise(640, 640, number))
        stage.broadcast.advance()
        stage.exchange(pair)
    assert number < 5, "it waits for a frame, not for the end of the film"
    stage.settle()
    assert holds(pair, stage)


def test_one_clients_part_does_not_go_before_those_who_watch():
    stage = Stage(PaintedScreen(noise(640, 640)))
    watching, odd = watcher(stage, Encoding.ZRLE), watcher(stage, Encoding.ZLIB)
    odd.viewer.request(False, (0, 0, 640, 639))
    stage.exchange(odd)
    assert odd.session.is_served and stage.broadcast.may_advance(stage.now)
    stage.screen.paint(Rect(5, 5, 3, 3), 0xFF)
    stage.broadcast.advance()
    stage.exchange(odd)
    stage.exchange(watching)
    stage.step()
    stage.exchange(watching)
    assert watching.updates_sent == 2 and odd.updates_sent == 1


def test_a_part_asked_for_while_another_part_is_made_comes_too():
    stage = Stage(PaintedScreen(noise(600, 600)))
    pair = stage.join(Encoding.ZRLE)
    pair.viewer.request(True, (0, 0, 300, 600))
    stage.exchange(pair)
    assert pair.session.is_served
    pair.viewer.request(True, (300, 0, 300, 600))
    stage.settle()
    assert holds(pair, stage)

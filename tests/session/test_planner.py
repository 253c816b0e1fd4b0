"""From damage to rectangles: every changed pixel, no rectangle too large, the same cuts for everybody."""

from __future__ import annotations

import time

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mpvnc.constants import TILE
from mpvnc.damage import Move
from mpvnc.geometry import EMPTY, Rect, Region
from mpvnc.session import planner
from mpvnc.session.picture import Picture
from tests.session.stage import PaintedScreen, noise
from tests.support.waits import time_factor

WIDTH, HEIGHT = 1300, 200
rects = st.builds(Rect, st.integers(0, 1250), st.integers(0, 180), st.integers(1, 400), st.integers(1, 80))


def painted(areas: list[Rect]) -> tuple[PaintedScreen, list[np.ndarray]]:
    screen = PaintedScreen(np.zeros((HEIGHT, WIDTH), np.uint32))
    frames = [screen.pixels]
    for number, area in enumerate(areas, 1):
        screen.paint(area.intersect(Rect(0, 0, WIDTH, HEIGHT)), number)
        frames.append(screen.pixels)
    return screen, frames


def mask(pieces) -> np.ndarray:
    covered = np.zeros((HEIGHT, WIDTH), np.uint8)
    for rect in pieces:
        covered[rect.y : rect.bottom, rect.x : rect.right] += 1
    return covered


@settings(max_examples=30)
@given(st.lists(rects, min_size=1, max_size=5), st.data())
def test_changes_cover_what_differs_once(areas, data):
    screen, frames = painted(areas)
    base = data.draw(st.integers(0, len(areas)))
    pieces = planner.changes(screen.tiles, base)
    covered = mask(piece.rect for piece in pieces)
    assert covered.max(initial=0) <= 1
    differs = frames[-1] != (frames[base - 1] if base else ~frames[-1])
    assert not (differs & (covered == 0)).any()
    for rect, epoch in pieces:
        assert 0 < rect.area <= planner.MAX_AREA
        assert rect.x // planner.MAX_WIDTH == (rect.right - 1) // planner.MAX_WIDTH
        assert base < epoch <= screen.frame
        area = np.s_[rect.y : rect.bottom, rect.x : rect.right]
        assert all(np.array_equal(frames[-1][area], frame[area]) for frame in frames[epoch - 1 :]), (
            "the pixels under a piece are the same in every frame since its epoch"
        )


def test_who_is_one_frame_behind_gets_exactly_the_box():
    screen, _ = painted([Rect(70, 10, 3, 4), Rect(1030, 100, 50, 1)])
    assert planner.changes(screen.tiles, 2) == [(Rect(1030, 100, 50, 1), 3)]
    assert planner.changes(screen.tiles, 1)[0] == (Rect(70, 10, 3, 4), 2)
    assert planner.changes(screen.tiles, 3) == []


@settings(max_examples=40)
@given(rects)
def test_pieces_are_the_rectangle_cut(rect):
    cut = list(planner.pieces(rect))
    assert sum(piece.area for piece in cut) == rect.area and Region(cut) == Region([rect])
    assert all(piece.area <= planner.MAX_AREA for piece in cut)


@settings(max_examples=30)
@given(
    st.lists(rects, min_size=1, max_size=4),
    st.lists(rects, max_size=3),
    st.lists(rects, max_size=3),
    st.data(),
)
def test_a_part_gets_what_it_asked_for_and_keeps_the_rest(areas, owed, requested, data):
    screen, _ = painted(areas)
    picture = Picture()
    picture.begin(screen)
    base = data.draw(st.integers(0, screen.frame))
    picture.update(base, Region(owed), None)
    due = mask([piece.rect for piece in planner.changes(screen.tiles, base)] + owed) > 0
    asked = mask(requested) > 0
    split = planner.partial(screen, picture, Region(requested).intersect([picture.area]))
    now, later = mask(piece.rect for piece in split.pieces), mask(split.owed)
    assert now.max(initial=0) <= 1 and later.max(initial=0) <= 1
    assert np.array_equal(now > 0, due & asked)
    assert np.array_equal(later > 0, due & ~asked)
    assert all(piece.rect.area <= planner.MAX_AREA for piece in split.pieces)
    assert all(piece.epoch == planner.newest_epoch(screen.tiles, piece.rect) for piece in split.pieces)


def test_a_moving_picture_is_few_rectangles_and_not_more_than_itself():
    screen = PaintedScreen(np.zeros((1080, 1920), np.uint32))
    film = Rect(637, 351, 640, 360)
    screen.paint(film, noise(640, 360))
    rects = [piece.rect for piece in planner.changes(screen.tiles, 1)]
    assert sum(rect.area for rect in rects) == film.area and Region(rects) == Region([film])
    assert len(rects) == 4
    assert len(planner.changes(screen.tiles, 1, planner.LOSSY_AREA)) == 2


def test_two_small_changes_on_each_other_stay_two():
    screen = PaintedScreen(np.zeros((1080, 1920), np.uint32))
    for rect in (Rect(10, 10, 40, 4), Rect(12, 120, 40, 4)):
        screen.paint(rect, 7)
    assert len(planner.changes(screen.tiles, 1)) == 2


def test_scattered_damage_is_split_in_bounded_time():
    width, height = 3840, 2160
    screen = PaintedScreen(np.zeros((height, width), np.uint32))
    dots = np.zeros((height, width), np.uint32)
    dots[::TILE, :: 2 * TILE] = 1
    screen.paint(Rect(0, 0, width, height), dots)
    picture = Picture()
    picture.begin(screen)
    picture.update(1, Region(), None)
    began = time.process_time()
    split = planner.partial(screen, picture, Region([Rect(0, 0, width - 1, height)]))
    assert len(split.pieces) == 34 * 30
    assert time.process_time() - began < 0.6 * time_factor(), "not quadratic in what changed"


def test_beyond_the_screen_is_black():
    screen, picture = PaintedScreen(noise(100, 70)), Picture()
    picture.begin(PaintedScreen(noise(150, 90)))
    picture.lose(screen)
    split = planner.partial(screen, picture, Region([picture.area]))
    beyond = Region(piece.rect for piece in split.pieces if piece.epoch == planner.BEYOND)
    assert beyond == Region([picture.area]).subtract([Rect(0, 0, 100, 70)])
    assert not split.owed


def moved_screen() -> tuple[PaintedScreen, np.ndarray]:
    """Return a screen of noise of which a part has moved down by 40, and the frame before."""
    screen = PaintedScreen(noise(WIDTH, HEIGHT))
    before, frame = screen.pixels, screen.pixels.copy()
    frame[70:170, 100:700] = before[30:130, 100:700]
    frame[100:104, 300:310] = 5
    frame[10:12, 900:910] = 5
    screen.publish(frame, [Move(Rect(100, 30, 600, 100), 0, 40)])
    assert screen.move is not None
    return screen, before


def follow(before: np.ndarray, move: Move, pieces: list[planner.Piece], screen: PaintedScreen) -> np.ndarray:
    """Return what a client shows that held `before`."""
    picture, (x, y, width, height), target = before.copy(), move.source, move.target
    picture[target.y : target.bottom, target.x : target.right] = before[y : y + height, x : x + width]
    for rect, epoch in pieces:
        assert epoch == planner.newest_epoch(screen.tiles, rect)
        area = np.s_[rect.y : rect.bottom, rect.x : rect.right]
        picture[area] = screen.pixels[area]
    return picture


def test_after_a_copy_only_what_is_wrong_is_sent():
    screen, before = moved_screen()
    pieces = planner.copied(screen.tiles, screen.move, EMPTY, is_lossy=False)
    assert sum(piece.rect.area for piece in pieces) == 4 * 10 + 2 * 10
    np.testing.assert_array_equal(follow(before, screen.move.move, pieces, screen), screen.pixels)


def test_a_copied_pointer_is_drawn_over():
    screen, before = moved_screen()
    wrong = Rect(320, 100, 20, 33)
    pieces = planner.copied(screen.tiles, screen.move, wrong, is_lossy=False)
    before = before.copy()
    before[60:93, 320:340] = 0xFF0000
    picture = follow(before, screen.move.move, pieces, screen)
    picture[60:93, 320:340] = screen.pixels[60:93, 320:340]
    np.testing.assert_array_equal(picture, screen.pixels)


def test_a_part_of_a_copy_serves_a_partial_request():
    screen, before = moved_screen()
    picture = Picture()
    picture.begin(screen)
    picture.update(screen.frame - 1, Region(), None)
    pieces = planner.copied(screen.tiles, screen.move, EMPTY, is_lossy=False)
    for asked in (
        Rect(0, 0, WIDTH, HEIGHT),
        Rect(200, 90, 300, 50),
        Rect(0, 0, 400, 110),
        Rect(600, 0, 400, 200),
    ):
        requested = Region([asked])
        plain = planner.partial(screen, picture, requested)
        split = planner.partial_copied(plain, pieces, screen.move.move, requested, screen.tiles)
        assert split.move.target == asked.intersect(screen.move.move.target)
        shown = follow(before, split.move, split.pieces, screen)
        inside = np.s_[asked.y : asked.bottom, asked.x : asked.right]
        np.testing.assert_array_equal(shown[inside], screen.pixels[inside])
        for rect in split.owed:
            area = np.s_[rect.y : rect.bottom, rect.x : rect.right]
            shown[area] = screen.pixels[area]
        np.testing.assert_array_equal(shown, screen.pixels)


def test_a_copy_that_saves_nothing_is_not_made():
    screen, _ = moved_screen()
    picture = Picture()
    picture.begin(screen)
    picture.update(screen.frame - 1, Region(), None)
    pieces = planner.copied(screen.tiles, screen.move, EMPTY, is_lossy=False)
    for asked in ([Rect(300, 100, 10, 4)], [Rect(0, 0, 90, 90)], [Rect(100, 70, 9, 9), Rect(200, 70, 9, 9)]):
        plain = planner.partial(screen, picture, Region(asked))
        split = planner.partial_copied(plain, pieces, screen.move.move, Region(asked), screen.tiles)
        assert split is plain

"""Moves are found where something scrolled, cost little where nothing did, and never cost a pixel."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpvnc.damage import Move, MovedFrame
from mpvnc.frames import moves
from mpvnc.frames.reader import FrameReader
from mpvnc.frames.writer import FrameWriter
from mpvnc.geometry import Rect
from mpvnc.kernels import moves as kernels
from mpvnc.kernels.tiles import compare
from tests.support.golden import text

PAGE = text(1280, 1400)


def chosen(new, old, reported=()):
    """Return the move and its residual."""
    shape = -(-new.shape[0] // 64), -(-new.shape[1] // 64)
    changed, boxes = np.zeros(shape, np.uint8), np.zeros((*shape, 4), np.uint16)
    compare(new, old, np.ones(shape, np.uint8), changed, boxes)
    residual = np.full_like(boxes, 7)
    move = moves.choose(new, old, changed, boxes, moves.Search(), reported=reported, residual=residual)
    return move, residual


def replayed(old, move, boxes):
    """Return what a client shows that copies, then takes the residual from `new`."""

    def onto(new):
        picture, (x, y, w, h) = old.copy(), move.target
        picture[y : y + h, x : x + w] = old[y - move.dy : y - move.dy + h, x - move.dx : x - move.dx + w]
        for row, column in np.ndindex(*boxes.shape[:2]):
            x0, y0, x1, y1 = boxes[row, column].tolist()
            box = np.s_[row * 64 + y0 : row * 64 + y1, column * 64 + x0 : column * 64 + x1]
            picture[box] = new[box]
        return picture

    return onto


def desktop(seed=1, height=600, width=900):
    return np.random.default_rng(seed).integers(0, 1 << 24, (height, width), np.uint32)


WINDOW = Rect(163, 61, 601, 470)


def window(wall, top, area=WINDOW):
    """Return the desktop with a window that shows the page from row `top` on."""
    frame = wall.copy()
    frame[area.y : area.bottom, area.x : area.right] = PAGE[top : top + area.height, : area.width]
    return frame


@pytest.mark.parametrize("dy", [-1, -12, -16, -100, -300, 1, 7, 144, 250])
def test_a_window_that_scrolls(dy):
    wall = desktop()
    old, new = window(wall, 400), window(wall, 400 - dy)
    move, residual = chosen(new, old)
    assert (move.dx, move.dy) == (0, dy)
    x, _, width, height = move.target
    assert x <= 170 and x + width >= 755 and height >= 470 - abs(dy) - 12, "nearly all of the window"
    np.testing.assert_array_equal(replayed(old, move, residual)(new), new)
    sides = residual.astype(int)
    area = ((sides[..., 2] - sides[..., 0]) * (sides[..., 3] - sides[..., 1])).sum()
    assert area <= (abs(dy) + 12) * 601


def test_with_other_things_going_on():
    wall = desktop()
    old, new = window(wall, 300), window(wall, 320)
    rng = np.random.default_rng(3)
    for frame in (old, new):
        frame[5:25, 700:880] = rng.integers(0, 1 << 24, (20, 180))
        frame[200:300, 300:500] = rng.integers(0, 1 << 24, (100, 200))
    new[470:480, 200:210] = 0
    move, residual = chosen(new, old)
    assert (move.dx, move.dy) == (0, -20) and move.target.height > 400 and move.target.width > 530
    np.testing.assert_array_equal(replayed(old, move, residual)(new), new)


def test_a_fixed_picture_in_what_scrolls():
    """Its tiles do not change, and yet the move makes them wrong."""
    wall = desktop()
    old, new = window(wall, 300), window(wall, 320)
    for frame in (old, new):
        frame[128:320, 320:512] = wall[128:320, 320:512]
    for reported in ([], [Move(Rect(163, 81, 601, 450), 0, -20)]):
        move, residual = chosen(new, old, reported)
        assert move.dy == -20 and move.target.contains(Rect(320, 128, 192, 192))
        np.testing.assert_array_equal(replayed(old, move, residual)(new), new)


def test_what_stands_still_between_two_windows_is_left_alone():
    wall, left, right = desktop(), Rect(10, 50, 250, 500), Rect(640, 50, 250, 500)
    old = window(window(wall, 300, left), 300, right)
    new = window(window(wall, 320, left), 320, right)
    move, residual = chosen(new, old)
    assert move is not None and move.target.width < 300
    np.testing.assert_array_equal(replayed(old, move, residual)(new), new)


@pytest.mark.parametrize("clock", [(560, 20), (20, 800), (560, 800)])
@pytest.mark.parametrize("area", [Rect(100, 100, 700, 150), Rect(100, 100, 250, 400)], ids=["low", "narrow"])
def test_a_small_window_and_a_clock_far_away(area, clock):
    wall = desktop()
    old, new = window(wall, 300, area), window(wall, 310, area)
    new[clock[0] : clock[0] + 20, clock[1] : clock[1] + 60] = 0xFFFFFF
    move, residual = chosen(new, old)
    assert move is not None and move.dy == -10
    assert move.target.width > area.width - 70 and move.target.height > area.height - 30
    assert move.target.width < area.width + 70 and move.target.height < area.height + 5
    np.testing.assert_array_equal(replayed(old, move, residual)(new), new)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (desktop(1), desktop(2)),
        (desktop(1), np.zeros((600, 900), np.uint32)),
        (np.zeros((600, 900), np.uint32), np.full((600, 900), 7, np.uint32)),
        (PAGE[:600, :900], np.roll(PAGE[:600, :900], 5, axis=1)),
        (window(desktop(), 0), window(desktop(), 20, Rect(163, 61, 100, 50))),
    ],
    ids=["video", "to flat", "flat to flat", "sideways", "little"],
)
def test_nothing_scrolled(old, new):
    assert chosen(new, old)[0] is None


def test_what_is_hopeless_is_not_weighed(monkeypatch):
    def refuse(*_args):
        raise AssertionError("weighed")

    looked = []
    vote = kernels.vote
    monkeypatch.setattr(kernels, "vote", lambda *args: looked.append(args[0].size) or vote(*args))
    monkeypatch.setattr(kernels, "weigh", refuse)
    monkeypatch.setattr(kernels, "residual", refuse)
    assert chosen(desktop(1), desktop(2))[0] is None
    assert len(looked) == 2 and sum(looked) <= 2 * 600 * 32
    old = desktop(1)
    new = old.copy()
    new[100:200, 100:200] = 5
    looked.clear()
    assert chosen(new, old)[0] is None and not looked, "nine tiles are too few"


def test_a_reported_move_replaces_the_search():
    wall = desktop()
    old, new = window(wall, 300), window(wall, 320)
    hint = Move(Rect(163, 81, 601, 100), 0, -20)
    assert chosen(new, old, [hint])[0] is None, "it explains too little"
    better, worse = Move(Rect(163, 81, 601, 450), 0, -20), Move(Rect(163, 81, 601, 400), 0, -20)
    move, residual = chosen(new, old, [hint, better, worse, hint])
    assert move == better
    np.testing.assert_array_equal(replayed(old, move, residual)(new), new)


def test_reported_moves_are_clipped_to_the_frame():
    old = desktop()
    new = old.copy()
    new[:, 100:] = old[:, :-100]
    new[:, :100] = 5
    move, residual = chosen(
        new, old, [Move(Rect(-9, -9, 2000, 2000), 100, 0), Move(Rect(1, 1, 5, 5), 5000, 0)]
    )
    assert move == Move(Rect(0, 0, 800, 600), 100, 0)
    np.testing.assert_array_equal(replayed(old, move, residual)(new), new)


@settings(max_examples=80)
@given(st.data())
def test_whatever_is_found_is_exact(data):
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    height, width = data.draw(st.integers(1, 260)), data.draw(st.integers(1, 260))
    old = rng.integers(0, data.draw(st.sampled_from([2, 1 << 24])), (height, width), np.uint32)
    if data.draw(st.booleans()):
        old[...] = PAGE[:height, :width]
    new = np.roll(old, data.draw(st.integers(-height, height)), axis=0)
    x, y = int(rng.integers(width)), int(rng.integers(height))
    new[y : y + 30, x : x + 30] = data.draw(st.sampled_from([old[y : y + 30, x : x + 30], 5]))
    reported = [
        Move(Rect(*rng.integers(-20, 280, 4).tolist()), *rng.integers(-90, 90, 2).tolist())
        for _ in range(data.draw(st.integers(0, 2)))
    ]
    move, residual = chosen(new, old, reported)
    if move is not None:
        frame = Rect(0, 0, width, height)
        assert frame.contains(move.source) and frame.contains(move.target)
        np.testing.assert_array_equal(replayed(old, move, residual)(new), new)


# -- through a segment


def opened(segment, width, height):
    return FrameWriter(segment.fd, 3, width, height, 1), FrameReader(segment.fd)


def told(reader, before):
    """Check what the reader tells of a move against the frame that it held before; return it."""
    moved = reader.move
    if moved is not None:
        assert moved.base == reader.frame - 1
        np.testing.assert_array_equal(replayed(before, moved.move, moved.boxes)(reader.pixels), reader.pixels)
    return moved


@pytest.mark.parametrize("way", ["slots", "pixels"])
def test_moves_come_through_with_every_frame(new_segment, way):
    writer, reader = opened(new_segment(900, 600), 900, 600)
    wall, found = desktop() | 0xFF000000, 0
    for number, top in enumerate((0, 20, 40, 35, 35, 700, 710, 730)):
        frame = window(wall, top)
        frame[500:510, :50] = number
        before = reader.pixels.copy()
        if way == "pixels":
            writer.publish_pixels(frame)
        else:
            slot = writer.begin()
            slot.pixels[...] = frame
            writer.publish(slot, [Rect(0, 0, 900, 600)])
        assert reader.refresh()
        np.testing.assert_array_equal(reader.pixels, frame & 0xFFFFFF)
        moved = told(reader, before)
        found += moved is not None
        assert (moved is None) == (number in (0, 4, 5)), number
    assert found == 5


def test_a_reader_that_missed_a_frame_is_told_nothing(new_segment):
    writer, reader = opened(new_segment(900, 600), 900, 600)
    wall = desktop()
    for top in (0, 20):
        writer.publish_pixels(window(wall, top))
    assert reader.refresh() and reader.move is None, "the first frame that it has"
    writer.publish_pixels(window(wall, 40))
    assert reader.refresh() and reader.move.base == 2
    writer.publish_pixels(window(wall, 60))
    writer.publish_pixels(window(wall, 80))
    assert reader.refresh() and reader.move is None and reader.frame == 5
    writer.publish_pixels(window(wall, 100))
    assert reader.refresh() and reader.move.move.dy == -20
    assert not reader.refresh() and reader.move is not None, "it belongs to the frame, not to the call"


def test_a_small_change_after_a_scroll_tells_no_move(new_segment):
    writer, reader = opened(new_segment(900, 600), 900, 600)
    frame = window(desktop(), 0)
    for top in (0, 20, 40, 60):
        frame = window(desktop(), top)
        writer.publish_pixels(frame)
        reader.refresh()
    for number in range(4):
        frame[number, 0] ^= 1
        writer.publish_pixels(frame)
        assert reader.refresh() and reader.move is None


def test_hints_come_through_both_ways_of_publishing(new_segment):
    writer, reader = opened(new_segment(300, 200), 300, 200)
    frame = desktop(1, 200, 300)
    writer.publish_pixels(frame)
    reader.refresh()
    hint = Move(Rect(10, 20, 40, 30), 40, 40)
    frame[60:90, 50:90] = frame[20:50, 10:50]
    writer.publish_pixels(frame, [Rect(50, 60, 40, 30)], moves=[hint])
    assert reader.refresh() and reader.move == MovedFrame(1, hint, reader.move.boxes)
    assert not reader.move.boxes.any()
    hint = Move(Rect(0, 0, 100, 100), 150, 90)
    frame[90:190, 150:250] = frame[:100, :100]
    slot = writer.begin()
    writer.bring_over(slot)
    slot.pixels[90:190, 150:250] = frame[90:190, 150:250]
    writer.publish(slot, [*slot.stale, Rect(150, 90, 100, 100)], moves=[hint])
    assert reader.refresh() and reader.move.move == hint


@pytest.mark.parametrize(
    ("target", "source"),
    [
        (Rect(0, 0, 301, 10), Rect(0, 0, 301, 10)),
        (Rect(0, 191, 10, 10), Rect(0, 0, 10, 10)),
        (Rect(0, 0, 10, 10), Rect(291, 0, 10, 10)),
        (Rect(5, 5, 0, 10), Rect(0, 0, 0, 10)),
        (Rect(5, 5, 65535, 65535), Rect(65535, 65535, 65535, 65535)),
    ],
)
def test_a_writer_that_lies_about_moves_is_not_believed(new_segment, monkeypatch, target, source):
    writer, reader = opened(new_segment(300, 200), 300, 200)
    writer.publish_pixels(desktop(1, 200, 300))
    reader.refresh()
    monkeypatch.setattr("mpvnc.frames.writer.at.pack_move", lambda *_: pack(target, source))
    frame = reader.pixels.copy()
    frame[50:] = frame[:-50].copy()
    writer.publish_pixels(frame, moves=[Move(Rect(0, 0, 300, 150), 0, 50)])
    assert reader.refresh() and reader.move is None


def pack(target, source):
    x, y, width, height = target
    return x | y << 16 | width << 32 | height << 48, source.x | source.y << 16


def test_boxes_that_lie_are_cut_off_at_the_frame(new_segment):
    writer, reader = opened(new_segment(300, 200), 300, 200)
    frame = desktop(1, 200, 300)
    writer.publish_pixels(frame)
    reader.refresh()
    frame[50:] = frame[:-50].copy()
    writer.publish_pixels(frame, moves=[Move(Rect(0, 0, 300, 150), 0, 50)])
    for residual in writer._residuals:
        residual[...] = np.array([7, 3, 9999, 2], np.uint16)
        residual[3, 4] = 60, 0, 9999, 9999
        residual[0, 0] = 1, 2, 9999, 9999
    assert reader.refresh()
    assert reader.move.boxes[0, 0].tolist() == [1, 2, 64, 64]
    assert not reader.move.boxes[3].any(), "the last column has 44 pixels, and the rest was empty"


def test_a_scroll_that_begins_in_a_video_is_found_within_eight_frames():
    random = np.random.default_rng(5)
    search, size = moves.Search(), (256, 256)
    everything = np.ones((4, 4), np.uint8), np.tile(np.array([0, 0, 64, 64], np.uint16), (4, 4, 1))
    videos = [random.integers(0, 1 << 24, size, np.uint32) for _ in range(14)]
    for old, new in pairwise(videos):
        assert search.find(new, old, *everything) is None
    found = [search.find(np.roll(videos[0], -9, axis=0), videos[0], *everything) for _ in range(9)]
    assert found[0] is None and found[-1] == Move(Rect(0, 9, 256, 247), 0, -9)
    assert found[-2] == found[-1], "once found, it is looked for in every frame again"

"""Epochs and boxes: what a client at any base misses."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mpvnc.damage import Move, TileTable, rects_of, tiles_of
from mpvnc.geometry import Rect


def advance(table, frame, changes):
    changed, boxes = np.zeros(table.epoch.shape, np.uint8), np.zeros_like(table.box)
    for row, column, *box in changes:
        changed[row, column] = 1
        boxes[row, column] = box
    table.advance(frame, changed, boxes)


def everything(table):
    return [
        (row, column, *table.whole[row, column].tolist())
        for row in range(table.epoch.shape[0])
        for column in range(table.epoch.shape[1])
    ]


def test_whole_tiles_are_clipped_to_the_frame():
    table = TileTable(130, 65)
    assert table.whole[0, 0].tolist() == [0, 0, 64, 64]
    assert table.whole[1, 2].tolist() == [0, 0, 2, 1]


def test_a_client_one_change_behind_gets_the_box_and_others_the_whole_tile():
    table = TileTable(130, 65)
    advance(table, 10, everything(table))
    advance(table, 12, [(1, 2, 1, 0, 2, 1)])
    advance(table, 15, [(1, 2, 0, 0, 1, 1), (0, 1, 3, 4, 5, 6)])
    assert table.damaged(15) == table.damaged(99) == []
    for base in (12, 14):
        assert table.damaged(base) == [(0, 1, Rect(67, 4, 2, 2)), (1, 2, Rect(128, 64, 1, 1))]
    for base in (10, 11):
        assert table.damaged(base) == [(0, 1, Rect(67, 4, 2, 2)), (1, 2, Rect(128, 64, 2, 1))]
    missed = table.damaged(9)
    assert len(missed) == 6 and missed[1] == (0, 1, Rect(64, 0, 64, 64))


def test_base_0_misses_all_that_was_ever_drawn():
    table = TileTable(64, 64)
    assert table.damaged(0) == [] and not table.boxes_since(0).any()
    advance(table, 7, everything(table))
    assert table.damaged(0) == [(0, 0, Rect(0, 0, 64, 64))]
    assert table.changed_since(0).all() and not table.changed_since(7).any()


def test_boxes_from_elsewhere_are_cut_off():
    table = TileTable(130, 65)
    advance(table, 1, [(0, 0, 5, 5, 65535, 9), (1, 2, 60, 0, 70, 1), (0, 1, 9, 9, 2, 2)])
    table.sanitise()
    assert table.box[0, 0].tolist() == [5, 5, 64, 9]
    assert table.box[1, 2].tolist() == [0, 0, 2, 1]
    assert table.box[0, 1].tolist() == [0, 0, 64, 64]


def test_a_table_lies_over_the_memory_it_was_given():
    memory = np.zeros(3 * 6, np.uint64)
    table = TileTable(130, 65, memory)
    advance(table, 3, [(0, 0, 1, 2, 3, 4)])
    other = TileTable(130, 65, memory)
    assert other.damaged(2) == [(0, 0, Rect(1, 2, 2, 2))]
    copied = TileTable(130, 65)
    copied.assign(table)
    advance(table, 4, [(0, 0, 0, 0, 1, 1)])
    assert copied.epoch[0, 0] == 3 and other.epoch[0, 0] == 4


rects = st.builds(
    Rect, st.integers(-50, 300), st.integers(-50, 300), st.integers(-5, 200), st.integers(-5, 200)
)


@settings(max_examples=60)
@given(st.integers(1, 300), st.integers(1, 300), st.lists(rects, max_size=5))
def test_tiles_of_rects_and_back(width, height, given_rects):
    tiles = tiles_of(given_rects, width, height)
    frame = Rect(0, 0, width, height)
    for (row, column), is_set in np.ndenumerate(tiles):
        tile = Rect(column * 64, row * 64, 64, 64).intersect(frame)
        assert is_set == any(not tile.intersect(rect).is_empty for rect in given_rects)
    covered = np.zeros((height, width), int)
    for x, y, w, h in rects_of(tiles, width, height):
        covered[y : y + h, x : x + w] += 1
        assert frame.contains(Rect(x, y, w, h))
    assert (covered == np.kron(tiles, np.ones((64, 64), int))[:height, :width]).all()


def test_tiles_under_each_other_become_one_rectangle():
    tiles = np.array([[1, 1, 0, 1], [1, 1, 0, 0], [0, 1, 0, 1]], np.uint8)
    assert rects_of(tiles, 250, 180) == [
        Rect(0, 0, 128, 128),
        Rect(192, 0, 58, 64),
        Rect(64, 128, 64, 52),
        Rect(192, 128, 58, 52),
    ]


def test_a_part_of_a_move():
    move = Move(Rect(10, 20, 40, 30), 40, 40)
    assert move.target == Rect(50, 60, 40, 30)
    assert move.into(Rect(60, 70, 20, 10)) == Move(Rect(20, 30, 20, 10), 40, 40)
    assert move.into(Rect(0, 0, 50, 60)).source.is_empty

"""Writer, slots and reader in one process: everything but the races."""

import numpy as np
import pytest

from mpvnc.errors import FrameError
from mpvnc.frames.reader import FrameReader
from mpvnc.frames.store import read_newest
from mpvnc.frames.writer import FrameWriter
from mpvnc.geometry import Rect

SIZES = [(1, 1), (63, 65), (64, 64), (200, 131)]


def opened(segment, width, height, first_frame=1):
    writer = FrameWriter(segment.fd, 3, width, height, first_frame)
    return writer, FrameReader(segment.fd)


def draw_and_publish(writer, screen, damage):
    """Do what X11 capture does: copy the damage and what is stale from the screen."""
    slot = writer.begin()
    touched = [*damage, *slot.stale]
    for x, y, width, height in touched:
        area = np.s_[y : y + height, x : x + width]
        slot.pixels[area] = screen[area]
    return writer.publish(slot, touched), touched


class Client:
    """Holds what a viewer holds, and takes what the damage says that it misses."""

    def __init__(self, reader):
        self.base, self.pixels = 0, np.zeros_like(reader.pixels)

    def update(self, reader):
        for _, _, (x, y, width, height) in reader.tiles.damaged(self.base):
            area = np.s_[y : y + height, x : x + width]
            self.pixels[area] = reader.pixels[area]
        self.base = reader.frame


@pytest.mark.parametrize(("width", "height"), [*SIZES, (1921, 1081)])
def test_the_first_frame_has_all_tiles_and_the_first_number(new_segment, width, height):
    segment = new_segment(width, height)
    writer, reader = opened(segment, width, height, first_frame=41)
    assert (reader.width, reader.height, reader.generation) == (width, height, 3)
    assert reader.newest == reader.frame == writer.frame == 0 and not reader.refresh()
    assert read_newest(segment.fd) is None
    screen = np.random.default_rng(1).integers(0, 2**32, (height, width), np.uint32)
    number, _ = draw_and_publish(writer, screen, [])
    assert number == writer.frame == reader.newest == 41
    assert reader.frame == 0 and reader.refresh() and reader.frame == 41 and not reader.refresh()
    np.testing.assert_array_equal(reader.pixels, screen & 0xFFFFFF)
    assert reader.tiles.changed_since(40).all() and not reader.tiles.changed_since(41).any()
    np.testing.assert_array_equal(reader.tiles.boxes_since(0), reader.tiles.whole)
    assert read_newest(segment.fd) == (41, width, height)


@pytest.mark.parametrize(("width", "height", "steps"), [(*size, 150) for size in SIZES] + [(1921, 1081, 12)])
def test_long_sequences_in_the_x11_order_lose_nothing(new_segment, width, height, steps):
    """The screen goes on changing between the damage and the copy; those changes are reported later."""
    rng = np.random.default_rng(width)
    writer, reader = opened(new_segment(width, height), width, height)
    screen = rng.integers(0, 2**32, (height, width), np.uint32)
    model, pending = screen.copy(), []
    clients = [Client(reader) for _ in range(4)]
    draw_and_publish(writer, screen, [])

    def draw():
        x, y = int(rng.integers(width)), int(rng.integers(height))
        rect = Rect(x, y, int(rng.integers(1, 90)), int(rng.integers(1, 90))).intersect(
            Rect(0, 0, width, height)
        )
        screen[rect.y : rect.bottom, rect.x : rect.right] ^= np.uint32(rng.integers(0, 3))
        pending.append(rect)

    for _ in range(steps):
        for _ in range(rng.integers(0, 3)):
            draw()
        damage, pending[:] = list(pending), []
        draw()
        if rng.random() < 0.1:
            slot = writer.begin()
            slot.pixels[...] = 0xBAD
            writer.abandon(slot)
        before = writer.frame
        number, touched = draw_and_publish(writer, screen, damage)
        for x, y, w, h in touched:
            model[y : y + h, x : x + w] = screen[y : y + h, x : x + w]
        assert number in (None, before + 1)
        if rng.random() < 0.7:
            behind = reader.frame < writer.frame
            assert reader.refresh() == behind
            np.testing.assert_array_equal(reader.pixels, model & 0xFFFFFF)
            client = clients[rng.integers(len(clients))]
            client.update(reader)
            np.testing.assert_array_equal(client.pixels, reader.pixels)


def test_a_change_drawn_after_the_damage_gets_an_epoch_even_in_an_area_brought_over(new_segment):
    writer, reader = opened(new_segment(256, 64), 256, 64)
    screen = np.zeros((64, 256), np.uint32)
    draw_and_publish(writer, screen, [])
    for value in (1, 2, 3, 4):
        screen[10, 10] = value
        draw_and_publish(writer, screen, [Rect(10, 10, 1, 1)])
    assert writer.frame == 5 and reader.refresh()
    screen[20, 200] = 77
    screen[11, 12] = 55  # not in the damage yet; the tile is stale in the next slot and copied for that
    number, touched = draw_and_publish(writer, screen, [Rect(200, 20, 1, 1)])
    assert touched == [Rect(200, 20, 1, 1), Rect(0, 0, 64, 64)]
    assert number == 6 and reader.refresh()
    assert reader.tiles.damaged(5) == [(0, 0, Rect(12, 11, 1, 1)), (0, 3, Rect(200, 20, 1, 1))]


@pytest.mark.parametrize("width", [320, 640, 1024, 1366, 1920])
def test_single_pixels_of_every_width_arrive(new_segment, width):
    height = 130
    rng = np.random.default_rng(width)
    writer, reader = opened(new_segment(width, height), width, height)
    surface = np.zeros((height, width), np.uint32)
    writer.publish_pixels(surface)
    reader.refresh()
    client = Client(reader)
    for _ in range(200):
        x, y = int(rng.integers(width)), int(rng.integers(height))
        surface[y, x] ^= np.uint32(1 << rng.integers(24))
        assert writer.publish_pixels(surface) is not None and reader.refresh()
        assert reader.tiles.damaged(reader.frame - 1) == [(y // 64, x // 64, Rect(x, y, 1, 1))]
        client.update(reader)
    np.testing.assert_array_equal(reader.pixels, surface)
    np.testing.assert_array_equal(client.pixels, surface)


def test_publish_pixels_with_hints_and_any_stride(new_segment):
    writer, reader = opened(new_segment(200, 131), 200, 131)
    rng = np.random.default_rng(5)
    surface = rng.integers(0, 2**32, (131, 256), np.uint32)[:, :200]
    assert writer.publish_pixels(surface, damage=[]) == 1
    for _ in range(100):
        x, y = int(rng.integers(200)), int(rng.integers(131))
        surface[y : y + 9, x : x + 9] ^= np.uint32(0x010101)
        assert writer.publish_pixels(surface, [Rect(x, y, 9, 9)]) and reader.refresh()
        np.testing.assert_array_equal(reader.pixels, surface & 0xFFFFFF)
    assert writer.publish_pixels(surface) is None and writer.frame == 101
    with pytest.raises(FrameError):
        writer.publish_pixels(surface[:, 1:])


def test_bring_over_serves_writers_that_draw_only_what_is_new(new_segment):
    writer, reader = opened(new_segment(130, 130), 130, 130)
    rng = np.random.default_rng(6)
    surface = np.zeros((130, 130), np.uint32)
    for step in range(60):
        x, y = int(rng.integers(130)), int(rng.integers(130))
        surface[y, x] += 1
        slot = writer.begin()
        writer.bring_over(slot)
        slot.pixels[y, x] = surface[y, x]
        assert writer.publish(slot, [Rect(x, y, 1, 1), *slot.stale]) == step + 1
        assert reader.refresh()
        np.testing.assert_array_equal(reader.pixels, surface)
        if step:
            assert reader.tiles.damaged(step) == [(y // 64, x // 64, Rect(x, y, 1, 1))]


def test_nothing_new_publishes_nothing_and_the_slot_is_used_again(new_segment):
    writer, reader = opened(new_segment(100, 100), 100, 100)
    screen = np.full((100, 100), 5, np.uint32)
    assert draw_and_publish(writer, screen, [])[0] == 1
    slot = writer.begin()
    slot.pixels[...] = 5
    assert writer.publish(slot, slot.stale) is None
    assert writer.frame == reader.newest == 1
    again = writer.begin()
    assert again.index == slot.index and again.stale == []
    writer.abandon(again)
    assert writer.begin().stale == [Rect(0, 0, 100, 100)]


def test_misuse_is_an_error(new_segment):
    segment = new_segment(64, 64)
    writer = FrameWriter(segment.fd, 1, 64, 64, 1)
    slot = writer.begin()
    with pytest.raises(FrameError, match="already"):
        writer.begin()
    with pytest.raises(FrameError, match="stale"):
        writer.publish(slot, [])
    assert writer.publish(slot, slot.stale) == 1
    for late in (
        lambda: writer.publish(slot, []),
        lambda: writer.abandon(slot),
        lambda: writer.bring_over(slot),
    ):
        with pytest.raises(FrameError, match="not being written"):
            late()
    with pytest.raises(FrameError, match="new segment"):
        FrameWriter(segment.fd, 1, 64, 64, 2)
    with pytest.raises(FrameError, match="first frame"):
        FrameWriter(new_segment(64, 64).fd, 1, 64, 64, 0)


def test_a_slot_lies_where_its_offset_says(new_segment):
    segment = new_segment(70, 66)
    writer = FrameWriter(segment.fd, 1, 70, 66, 1)
    slot = writer.begin()
    slot.pixels[2, 3] = 0x01020304
    with open(segment.fd, "rb", closefd=False) as file:
        file.seek(slot.offset + (2 * 70 + 3) * 4)
        assert file.read(4) == b"\4\3\2\1"
    assert slot.offset % 4096 == 0


def test_a_writer_that_dies_in_a_slot_leaves_the_last_frame(new_segment):
    segment = new_segment(64, 64)
    writer = FrameWriter(segment.fd, 1, 64, 64, 7)
    writer.publish_pixels(np.full((64, 64), 3, np.uint32))
    writer.begin().pixels[...] = 9
    writer.close()
    reader = FrameReader(segment.fd)
    assert reader.refresh() and reader.frame == 7 and (reader.pixels == 3).all()
    assert read_newest(segment.fd) == (7, 64, 64)


def test_views_that_outlive_the_writer_do_no_harm(new_segment):
    writer, reader = opened(new_segment(64, 64), 64, 64)
    slot = writer.begin()
    writer.close()
    slot.pixels[...] = 1
    reader.close()
    assert not reader.refresh() and reader.newest == 0

"""What is made when, for whom: shared, in order, bounded whatever clients do."""

from __future__ import annotations

import numpy as np
import pytest

from mpvnc.constants import Encoding
from mpvnc.encodings import encode
from mpvnc.encodings.base import EncodedRectangle
from mpvnc.encodings.wire import wire_class
from mpvnc.errors import EncodeError
from mpvnc.geometry import Rect
from mpvnc.pixels import NATIVE
from mpvnc.session.fanout import PATIENCE_S, SHARED_BYTES, SHARED_UPDATES, Fanout
from mpvnc.session.planner import BEYOND, Piece
from mpvnc.session.update import BrokenUpdate, Update
from tests.session.stage import noise

RAW, ZRLE = wire_class(NATIVE, [Encoding.RAW]), wire_class(NATIVE, [Encoding.ZRLE])
PIXELS = noise(256, 64)
NOTHING = frozenset()


def piece(x: int, epoch: int = 1, width: int = 64) -> Piece:
    return Piece(Rect(x, 0, width, 64), epoch)


def update(key: object, base: int = 1, wire=RAW, now: float = 0.0) -> Update:
    return Update(key, wire, base, NOTHING, now)


def finish(fanout: Fanout) -> list[Update]:
    done = []
    while fanout.is_busy:
        one = fanout.step(PIXELS)
        if one is not None:
            done.append(one)
    return done


def test_what_one_update_made_another_takes():
    fanout, one, two = Fanout(encode), update("a"), update("b")
    fanout.start(one, [piece(0), piece(64)])
    fanout.start(two, [piece(0), piece(64), piece(128)])
    assert finish(fanout) == [one, two]
    assert (fanout.counters.encodes, fanout.counters.hits) == (3, 2)
    three = update("c")
    fanout.start(three, [piece(64)])
    assert three.is_done and not fanout.is_busy


def test_another_epoch_is_another_rectangle():
    fanout = Fanout(encode)
    for epoch, wire in ((1, RAW), (2, RAW), (2, ZRLE)):
        fanout.start(update((epoch, wire), wire=wire), [piece(0, epoch)])
        finish(fanout)
    assert fanout.counters.encodes == 3


def test_those_who_watch_go_before_who_joins():
    fanout, joiner, watcher = Fanout(encode), update("joiner", base=0), update("watcher", base=5, now=9.0)
    fanout.start(joiner, [piece(0), piece(64), piece(128)])
    fanout.step(PIXELS)
    fanout.start(watcher, [piece(192)])
    assert finish(fanout) == [watcher, joiner]


def test_what_is_small_goes_first_even_if_it_is_for_one_alone():
    fanout, watched, part = Fanout(encode), update("watched"), update(None)
    fanout.start(watched, [piece(0), piece(64)])
    fanout.start(part, [piece(192)])
    assert finish(fanout) == [part, watched]


def test_a_large_part_for_one_alone_goes_last():
    fanout, watched, part = Fanout(encode), update("watched"), update(None)
    fanout.start(part, [piece(0), piece(64)])
    fanout.start(watched, [piece(64), piece(128), piece(192)])
    assert finish(fanout) == [watched, part]


def test_a_stream_of_small_things_starves_nobody():
    fanout, watched = Fanout(encode), update("watched")
    fanout.start(watched, [piece(0), piece(64), piece(128)])
    for tenth in range(5):
        fanout.start(update(None, now=tenth / 10), [piece(192, epoch=tenth)])
        fanout.step(PIXELS)
    assert watched.is_done


def test_a_stream_of_small_things_starves_no_joiner():
    fanout, joiner = Fanout(encode), update("joiner", base=0)
    fanout.start(joiner, [piece(0), piece(64), piece(128)])
    for step in range(100):
        now = step / 200
        fanout.start(update(None, now=now), [Piece(Rect(192, 0, 8, 8), epoch=step)])
        fanout.step(PIXELS, now)
    assert joiner.is_done, "while it waits no newer frame is taken: nobody would see anything any more"


def test_a_joiner_holds_new_frames_back_for_a_while_only():
    fanout = Fanout(encode)
    assert fanout.may_advance(0.0)
    fanout.start(update("joiner", base=0), [piece(0)])
    assert fanout.may_advance(PATIENCE_S / 2) and not fanout.may_advance(PATIENCE_S)
    fanout.start(update("watcher"), [piece(64)])
    assert not fanout.may_advance(0.0)


def test_a_refresh_holds_no_frame_back():
    fanout, refresh = Fanout(encode), update("refresh")
    refresh.settles = 1
    fanout.start(refresh, [piece(0)])
    assert fanout.is_busy and fanout.may_advance(0.0) and fanout.may_advance(10 * PATIENCE_S)


def test_an_update_without_rectangles_is_done_at_once():
    fanout, one = Fanout(encode), update("a")
    fanout.start(one, [])
    assert one.is_done and one.message() == b"\0\0\0\0"


def test_a_new_generation_forgets_everything():
    fanout = Fanout(encode)
    fanout.start(update("a"), [piece(0)])
    finish(fanout)
    fanout.start(update("b"), [piece(64)])
    fanout.reset()
    assert not fanout.is_busy and fanout.find("a") is None
    again = update("a")
    fanout.start(again, [piece(0)])
    assert not again.is_done, "epochs mean nothing in another generation"


def test_what_lies_beyond_the_screen_is_black():
    fanout, one = Fanout(encode), update(None)
    fanout.start(one, [Piece(Rect(300, 10, 7, 5), BEYOND)])
    finish(fanout)
    assert one.message().endswith(bytes(7 * 5 * 4))


# -- bounds


@pytest.mark.parametrize("size_bytes, kept", [(10, SHARED_UPDATES), (SHARED_BYTES // 4, 4)])
def test_ever_new_classes_keep_few_updates(size_bytes, kept):
    big = bytes(size_bytes)
    fanout = Fanout(lambda pixels, rect, wire: EncodedRectangle(rect, Encoding.RAW, big, None))
    for key in range(40):
        fanout.start(update(key), [Piece(Rect(0, 0, 1, 1), 1)])
        for one in finish(fanout):
            one.message()
    found = [key for key in range(40) if fanout.find(key)]
    assert found == list(range(40))[-len(found) :] and kept - 1 <= len(found) <= kept


def test_an_update_in_the_making_is_never_forgotten():
    fanout, slow = Fanout(encode), update("slow", base=0)
    fanout.start(slow, [piece(0), piece(64)])
    for key in range(40):
        fanout.start(update(key), [])
    assert fanout.find("slow") is slow and finish(fanout) == [slow]


def test_a_rectangle_that_cannot_be_encoded_costs_its_update_alone():
    def fragile(pixels, rect, wire):
        if rect.x == 0:
            raise ValueError("a bug")
        return encode(pixels, rect, wire)

    fanout, broken, sound = Fanout(fragile), update("broken"), update("sound", now=1.0)
    fanout.start(broken, [piece(0)])
    fanout.start(sound, [piece(64)])
    with pytest.raises(BrokenUpdate) as raised:
        fanout.step(PIXELS)
    assert raised.value.update is broken and isinstance(raised.value, EncodeError)
    assert fanout.find("broken") is None
    assert finish(fanout) == [sound]


def test_a_dropped_update_is_not_made():
    fanout, one = Fanout(encode), update("a")
    fanout.start(one, [piece(0), piece(64)])
    fanout.step(np.zeros_like(PIXELS))
    fanout.drop(one)
    assert not fanout.is_busy and fanout.find("a") is None

import struct

import pytest

from mpvnc.rfb.buffer import NeedMoreData, ReceiveBuffer

U16 = struct.Struct(">H")


def filled(data: bytes) -> ReceiveBuffer:
    buffer = ReceiveBuffer()
    buffer.append(data)
    return buffer


def test_fields_come_in_order_and_shorten_it():
    buffer = filled(b"\x01\x02abc")
    assert buffer.unpack(U16) == (0x0102,)
    assert buffer.take(2) == b"ab"
    assert len(buffer) == 1
    assert buffer.peek_u8() == ord("c")
    assert len(buffer) == 1


def test_a_read_behind_the_end_reads_nothing():
    buffer = filled(b"\x01")
    for read in (lambda: buffer.unpack(U16), lambda: buffer.take(2), lambda: buffer.require(2)):
        with pytest.raises(NeedMoreData):
            read()
    assert buffer.take(1) == b"\x01"
    with pytest.raises(NeedMoreData):
        buffer.peek_u8()


def test_restore_unreads_what_was_read_since_the_restore_point():
    buffer = filled(b"abcdef")
    buffer.take(2)
    buffer.set_restore_point()
    buffer.take(3)
    buffer.restore()
    assert buffer.take(4) == b"cdef"


@pytest.mark.parametrize("read", [0, 3, 6])
def test_discarding_keeps_what_is_unread(read):
    buffer = filled(b"abcdef")
    buffer.take(read)
    buffer.discard_read()
    buffer.append(b"gh")
    assert buffer.take(len(buffer)) == b"abcdefgh"[read:]


def test_after_discarding_the_restore_point_is_the_present_position():
    buffer = filled(b"abcdef")
    buffer.take(2)
    buffer.discard_read()
    buffer.take(1)
    buffer.restore()
    assert buffer.take(1) == b"c"


def test_clear_forgets_everything():
    buffer = filled(b"abc")
    buffer.take(1)
    buffer.clear()
    assert len(buffer) == 0
    buffer.append(b"x")
    buffer.restore()
    assert buffer.take(1) == b"x"


def test_what_is_taken_is_a_copy():
    buffer = filled(b"abc")
    taken = buffer.take(3)
    buffer.clear()
    assert taken == b"abc"


def test_what_is_skipped_is_not_kept_and_what_follows_is_read():
    buffer = filled(b"abcd")
    buffer.take(1)
    buffer.skip(2)
    assert not buffer.is_skipping and buffer.take(1) == b"d"
    buffer.skip(3)
    assert buffer.is_skipping and len(buffer) == 0
    buffer.discard_read()
    for piece in (b"e", b"f", b"gh"):
        assert buffer.is_skipping
        buffer.append(piece)
    assert not buffer.is_skipping and buffer.take(1) == b"h"


def test_clear_ends_skipping():
    buffer = filled(b"a")
    buffer.skip(5)
    buffer.clear()
    assert not buffer.is_skipping
    buffer.append(b"b")
    assert buffer.take(1) == b"b"

"""Updates become messages: joined once, with a stream's header where it is needed."""

from __future__ import annotations

from mpvnc.constants import Encoding
from mpvnc.encodings import encode
from mpvnc.encodings.wire import wire_class
from mpvnc.geometry import Rect
from mpvnc.pixels import NATIVE
from mpvnc.session.planner import Piece
from mpvnc.session.update import Update, splice
from tests.session.stage import noise

RAW, ZRLE = wire_class(NATIVE, [Encoding.RAW]), wire_class(NATIVE, [Encoding.ZRLE])
PIXELS = noise(256, 64)
NOTHING = frozenset()


def test_a_message_is_its_header_and_its_rectangles():
    both = [encode(PIXELS[:, x : x + 64], Rect(x, 0, 64, 64), RAW) for x in (0, 64)]
    one = Update("a", RAW, 1, NOTHING, 0.0)
    one.plan([Piece(rectangle.rect, 1) for rectangle in both])
    for rectangle in both:
        assert not one.is_done
        one.add(rectangle)
    assert one.is_done and one.count == 2
    assert one.message() == b"\0\0\0\2" + both[0].data + both[1].data
    assert one.message() is one.message() and one.body() == both[0].data + both[1].data


def test_a_header_goes_with_the_first_rectangle_of_a_stream_only():
    rectangles = [encode(PIXELS[:, x : x + 64], Rect(x, 0, 64, 64), ZRLE) for x in (0, 64)]
    raw = encode(PIXELS[:, :64], Rect(0, 0, 64, 64), RAW)
    forms, opened = splice([raw, *rectangles], NOTHING)
    assert forms == [raw.data, rectangles[0].first(), rectangles[1].data]
    assert opened == {rectangles[0].stream}
    assert splice(rectangles, opened) == ([one.data for one in rectangles], opened)

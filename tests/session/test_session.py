"""One client's session: what it says takes effect in order, and nothing goes out that it did not ask for."""

from __future__ import annotations

import math
import struct
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpvnc.constants import Encoding, ResizeStatus
from mpvnc.errors import LimitExceeded, ProtocolError
from mpvnc.geometry import Rect
from mpvnc.pointer import Cursor, PointerState
from mpvnc.rfb import events
from mpvnc.rfb.offer import HandshakeSettings
from mpvnc.rfb.state import State
from mpvnc.session.announcing import Offer
from mpvnc.session.clipboard import Clipboard
from mpvnc.session.cursors import OWN_POINTER_S
from mpvnc.session.heard import Joined
from mpvnc.session.session import Session
from mpvnc.session.settings import SessionSettings
from tests.session.stage import PaintedScreen, Stage, noise
from tests.support.formats import FORMATS, RGB565
from tests.support.golden import golden
from tests.support.handshake import HandshakeChoices, vnc_response
from tests.support.viewer import Viewer

SCREEN = PaintedScreen(golden(64, 48))
FENCE_REQUEST, SYNC_NEXT = 1 << 31, 4
CHALLENGE = bytes(range(16))


def begin(password: bytes | None = None, *, view_only: bool = False, now: float = 0.0) -> Session:
    types = (1,) if password is None else (2,)
    handshake = HandshakeSettings(types, password, None, view_only, CHALLENGE)
    return Session(handshake, SessionSettings(), now)


def ready(*, view_only: bool = False, encodings: tuple[int, ...] = ()) -> Session:
    session = begin(view_only=view_only)
    session.show(SCREEN, "desk")
    session.receive_data(b"RFB 003.008\n\1\1", 0.0)
    session.receive_data(set_encodings(*encodings), 0.0)
    session.data_to_send()
    return session


def set_encodings(*encodings: int) -> bytes:
    return struct.pack(f">BxH{len(encodings)}i", 2, len(encodings), *encodings)


def request(incremental: bool, *rect: int) -> bytes:
    return struct.pack(">BB4H", 3, incremental, *(rect or (0, 0, SCREEN.width, SCREEN.height)))


def fence(flags: int, payload: bytes = b"") -> bytes:
    return struct.pack(">BxxxIB", 248, flags, len(payload)) + payload


def key(down: bool, keysym: int) -> bytes:
    return struct.pack(">BBxxI", 4, down, keysym)


def pointer(mask: int, x: int, y: int) -> bytes:
    return struct.pack(">BBHH", 5, mask, x, y)


# -- time


def test_the_handshake_has_its_own_time():
    session = begin(now=5.0)
    assert session.deadline()[0] == 5.0 + 10.0
    session.receive_data(b"RFB", 9.0)
    assert session.deadline()[0] == 15.0, "a byte now and then buys no time"
    session.show(SCREEN, "")
    session.receive_data(b" 003.008\n\1\1", 9.0)
    assert session.deadline()[0] == math.inf


def test_a_password_may_take_longer_than_the_rest_of_the_handshake():
    session = begin(b"secret")
    session.show(SCREEN, "")
    session.receive_data(b"RFB 003.008\n\2", 1.0)
    assert session.deadline() == (60.0, "authentication")
    session.receive_data(vnc_response("secret", CHALLENGE), 50.0)
    when, _ = session.deadline()
    assert when == 60.0, "ClientInit has its own time, counted from the password"


def test_a_half_message_has_its_time_from_its_first_byte():
    session = ready()
    session.receive_data(b"\3\1", 100.0)
    session.receive_data(b"\0", 130.0)
    assert session.deadline()[0] == 160.0
    session.receive_data(request(True)[3:] + b"\4", 150.0)
    assert session.deadline()[0] == 210.0, "another message has begun"
    session.receive_data(bytes(7), 151.0)
    assert session.deadline()[0] == math.inf


def test_a_client_that_waits_has_all_the_time():
    session = ready()
    session.receive_data(request(True), 1.0)
    assert session.deadline()[0] == math.inf


# -- who may


def test_joined_is_heard_once_with_the_shared_flag():
    session = begin()
    session.show(SCREEN, "")
    assert session.receive_data(b"RFB 003.008\n\1", 0.0) == []
    assert session.receive_data(b"\0", 0.0) == [Joined(view_only=False, shared=False)]
    session.show(PaintedScreen(golden(64, 48), generation=2), "")
    assert session.take_heard() == []


def test_after_a_wrong_password_nothing_is_said_and_nothing_heard():
    session = begin(b"secret")
    session.receive_data(b"RFB 003.008\n\2", 0.0)
    session.data_to_send()
    heard = session.receive_data(vnc_response("wrong", CHALLENGE), 0.0)
    assert heard == [events.WrongPassword()]
    assert session.receive_data(b"\1" + request(False) * 1000, 0.0) == []
    assert session.data_to_send() == b""
    session.connection.refuse("Authentication failed")
    assert session.data_to_send() == struct.pack(">II", 1, 21) + b"Authentication failed"
    assert session.is_over


@pytest.mark.parametrize("why", ["view_only", "is_muted"])
def test_a_text_that_nobody_takes_is_not_kept(why):
    session = ready()
    setattr(session, why, True)
    size = 256 << 10
    assert session.receive_data(struct.pack(">BxxxI", 6, size) + bytes(size - 1), 0.0) == []
    assert len(session.connection._buffer) == 0
    assert session.deadline() == (60.0, "the rest of a message")
    assert session.receive_data(b"\0", 1.0) == [] and session.deadline()[0] == math.inf
    setattr(session, why, False)
    assert session.receive_data(struct.pack(">BxxxI", 6, 2) + b"hi", 1.0) == [Clipboard("hi")]


def test_what_was_pressed_before_nobodys_input_counted_is_released():
    session = ready()
    pressed = key(True, 0x41) + pointer(5, 10, 20)
    assert len(session.receive_data(pressed, 0.0)) == 2
    session.is_muted = True
    later = key(True, 0x42) + key(False, 0x42) + pointer(7, 30, 30) + pointer(5, 31, 30)
    assert session.receive_data(later, 0.0) == []
    released = key(False, 0x41) + pointer(4, 32, 30) + pointer(6, 33, 30) + pointer(0, 34, 30)
    heard = [events.KeyEvent(False, 0x41), events.PointerEvent(4, 10, 20), events.PointerEvent(0, 10, 20)]
    assert session.receive_data(released, 0.0) == heard
    assert session.receive_data(released, 0.0) == [], "once"


def test_a_skipped_text_is_the_next_message_after_a_fence():
    session = ready(view_only=True)
    session.receive_data(request(False) + fence(FENCE_REQUEST | SYNC_NEXT), 0.0)
    assert not session.is_ready
    session.receive_data(struct.pack(">BxxxI", 6, 2) + b"hi", 0.0)
    assert session.is_ready


def test_a_view_only_client_moves_nothing():
    session = ready(view_only=True, encodings=(Encoding.RAW, Encoding.CURSOR))
    typed = struct.pack(">BBxxI", 4, 1, 97) + pointer(1, 3, 4) + struct.pack(">BxxxI", 6, 2) + b"hi"
    assert session.receive_data(typed, 1.0) == []
    assert not session.cursors.draws(1.0)


def test_what_was_said_before_an_error_is_heard():
    session = ready()
    with pytest.raises(ProtocolError, match="99"):
        session.receive_data(pointer(1, 3, 4) + b"\x63", 0.0)
    assert session.take_heard() == [events.PointerEvent(1, 3, 4)]
    assert session.is_over


def test_who_joins_and_errs_at_once_has_joined():
    session = begin()
    session.show(SCREEN, "desk")
    session.receive_data(b"RFB 003.008\n\x01", 0.0)
    with pytest.raises(ProtocolError, match="99"):
        session.receive_data(b"\x01" + pointer(1, 3, 4) + b"\x63", 0.0)
    assert session.take_heard() == [Joined(False, True), events.PointerEvent(1, 3, 4)]
    assert session.is_over


def test_motions_merge_and_buttons_stay():
    session = ready()
    moves = b"".join(pointer(0, x, 1) for x in range(500))
    heard = session.receive_data(moves + pointer(1, 499, 1) + pointer(0, 500, 2), 0.0)
    assert len(heard) <= 4
    assert heard[-3:] == [
        events.PointerEvent(0, 499, 1), events.PointerEvent(1, 499, 1), events.PointerEvent(0, 500, 2)
    ]  # fmt: skip


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5)), max_size=30))
def test_merging_keeps_every_change_of_buttons_and_the_last_position(moves):
    session = ready()
    heard = session.receive_data(b"".join(pointer(mask, x, 0) for mask, x in moves), 0.0)

    def edges(masks):
        return [mask for index, mask in enumerate(masks) if index == 0 or masks[index - 1] != mask]

    assert edges([one.button_mask for one in heard]) == edges([mask for mask, _ in moves])
    assert not moves or (heard[-1].button_mask, heard[-1].x) == moves[-1]


# -- before there is a screen


def test_what_comes_before_the_screen_takes_effect_after_serverinit():
    session = begin()
    early = set_encodings(Encoding.RAW, Encoding.FENCE, Encoding.EXTENDED_DESKTOP_SIZE)
    early += fence(FENCE_REQUEST, b"early") + request(False, 0, 0, 64, 48) + pointer(0, 5, 6)
    session.receive_data(b"RFB 003.008\n\1\1" + early, 0.0)
    viewer_part = session.data_to_send()
    assert viewer_part.endswith(bytes(4)), "the SecurityResult; no message may precede ServerInit"
    assert session.deadline()[0] == math.inf
    session.show(SCREEN, "desk")
    sent = session.data_to_send()
    assert sent[:4] == struct.pack(">HH", 64, 48)
    assert fence(0, b"early") in sent
    assert sent.count(b"\0\0\0\1") >= 1 and b"\xff\xff\xfe\xcc" in sent, "ExtendedDesktopSize was asked for"
    assert session.take_heard() == [Joined(False, True), events.PointerEvent(0, 5, 6)]
    assert session.demand.covers(Rect(0, 0, 64, 48))


def test_a_flood_before_the_screen_is_refused():
    session = begin()
    session.receive_data(b"RFB 003.008\n\1\1", 0.0)
    with pytest.raises(LimitExceeded, match="before ServerInit"):
        for _ in range(100):
            session.receive_data(fence(FENCE_REQUEST, bytes(64)) * 20, 0.0)
    assert session.data_to_send().count(bytes(64)) == 0


def test_a_viewer_that_came_first_sees_the_screen_when_it_is_there():
    stage = Stage(SCREEN)
    session = begin()
    viewer = Viewer(HandshakeChoices())
    for _ in range(4):
        viewer.feed(session.data_to_send())
        session.receive_data(viewer.data_to_send(), 0.0)
    assert session.connection.state is State.NORMAL and not viewer.ready
    assert stage.broadcast.offer(session, 0.0) is None
    session.show(SCREEN, "late")
    viewer.feed(session.data_to_send())
    assert (viewer.width, viewer.height, viewer.name) == (64, 48, "late")


# -- fences


@pytest.mark.parametrize("flags", [0, 1, 2, 3, 4, 7, 0x7FFFFFF8, 0x7FFFFFFF])
def test_a_fence_is_answered_with_what_is_supported(flags):
    session = ready()
    session.receive_data(fence(FENCE_REQUEST | flags, b"abc"), 0.0)
    assert session.data_to_send() == fence(flags & 7, b"abc")


def test_an_answer_to_no_fence_is_ignored():
    session = ready()
    for payload in (b"", b"abcd", bytes(64), b"\xff\xff\xff\xff"):
        session.receive_data(fence(0, payload), 0.0)
    assert session.data_to_send() == b""
    assert session.pacer.may_start(0)


def test_sync_next_holds_updates_until_the_next_message():
    session = ready()
    session.receive_data(request(False) + fence(FENCE_REQUEST | SYNC_NEXT), 0.0)
    assert not session.is_ready
    session.receive_data(b"\0\0\0\0" + RGB565.to_bytes()[:10], 0.0)
    assert not session.is_ready, "half a message has no effect yet"
    session.receive_data(RGB565.to_bytes()[10:], 0.0)
    assert session.is_ready and session.format.bits_per_pixel == 16


def test_extensions_are_announced_once():
    session = ready(encodings=(Encoding.RAW,))
    session.receive_data(set_encodings(Encoding.FENCE, Encoding.CONTINUOUS_UPDATES), 0.0)
    assert session.data_to_send() == fence(FENCE_REQUEST | SYNC_NEXT) + b"\x96"
    session.receive_data(set_encodings(Encoding.RAW), 0.0)
    session.receive_data(set_encodings(Encoding.FENCE, Encoding.CONTINUOUS_UPDATES), 0.0)
    assert session.data_to_send() == b""


def test_ending_continuous_updates_is_confirmed_even_if_off():
    session = ready(encodings=(Encoding.CONTINUOUS_UPDATES,))
    session.receive_data(struct.pack(">BB4H", 150, 0, 0, 0, 0, 0), 0.0)
    assert session.data_to_send() == b"\x96"


# -- encodings and formats


def test_the_first_known_encoding_of_the_latest_list_counts():
    session = ready(encodings=(99, -5000, 7, 6, 7, 0, -223))
    assert session.wire.encoding is Encoding.TIGHT
    session.receive_data(set_encodings(), 0.0)
    assert session.wire.encoding is Encoding.RAW
    assert not session.features


def test_too_many_encodings_end_the_session():
    session = ready()
    session.receive_data(set_encodings(*[0] * 1024), 0.0)
    with pytest.raises(LimitExceeded, match="1025"):
        session.receive_data(set_encodings(*[0] * 1025), 0.0)


formats = st.builds(
    struct.Struct(">BBBBHHHBBB3x").pack,
    st.sampled_from([8, 16, 32]), st.integers(1, 32), st.integers(0, 1), st.just(1),
    *[st.integers(1, 300) | st.just(65535)] * 3, *[st.integers(0, 31)] * 3,
)  # fmt: skip


@settings(max_examples=150)
@given(formats, st.sampled_from([0, 2, 5, 6, 7, 16, 21]), st.integers(-32, -23))
def test_any_format_is_refused_or_served(data, encoding, quality):
    stage = Stage(PaintedScreen(noise(33, 17)))
    pair = stage.join(encoding, quality)
    session = pair.session
    try:
        session.receive_data(b"\0\0\0\0" + data, 0.0)
    except ProtocolError:
        return
    session.receive_data(request(False, 0, 0, 33, 17), 0.0)
    delivery = stage.broadcast.offer(session, 0.0)
    while delivery is None and stage.broadcast.is_busy:
        delivery = next(iter(stage.broadcast.step(0.0)), None)
    assert delivery is not None and sum(map(len, delivery.buffers)) > 16


# -- what goes out besides pixels


def test_the_layout_is_told_when_it_is_asked_for():
    session = ready(encodings=(Encoding.RAW, Encoding.EXTENDED_DESKTOP_SIZE))
    assert session.data_to_send() == b"", "unasked, nothing"
    told = struct.pack(">BxH4Hi", 0, 1, 0, 0, 64, 48, -308) + struct.pack(">B3xI4HI", 1, 0, 0, 0, 64, 48, 0)
    session.receive_data(request(True), 0.0)
    assert session.data_to_send() == told
    session.receive_data(request(True), 0.0)
    assert session.data_to_send() == b""
    session.receive_data(request(False), 0.0)
    assert session.data_to_send() == told


def test_a_request_to_resize_means_nothing_to_who_did_not_list_it():
    session = ready(encodings=(Encoding.RAW,))
    session.receive_data(struct.pack(">BxHHBx", 251, 640, 480, 0), 0.0)
    assert session.data_to_send() == b""


def test_every_request_to_resize_gets_its_answer():
    session = ready(encodings=(Encoding.EXTENDED_DESKTOP_SIZE,))
    session.receive_data(struct.pack(">BxHHBx", 251, 640, 480, 0) * 3, 0.0)
    answer = struct.pack(">BxH4Hi", 0, 1, 1, 1, 64, 48, -308)
    assert session.data_to_send().count(answer) == 3


def test_a_new_name_goes_to_who_listed_it():
    stage = Stage(SCREEN)
    knows, does_not = stage.join(Encoding.RAW, Encoding.DESKTOP_NAME), stage.join(Encoding.RAW)
    for pair in (knows, does_not):
        pair.viewer.request(False)
        stage.settle()
        pair.viewer.request()
        stage.settle()
        pair.session.rename("Büro")
        pair.session.rename("Büro")
    stage.settle()
    assert (knows.viewer.name, knows.viewer.updates) == ("Büro", 2)
    assert (does_not.viewer.name, does_not.viewer.updates) == ("stage", 1)


def test_a_screen_shown_again_is_not_named_anew():
    session = begin()
    session.rename("first")
    session.show(SCREEN, "second")
    session.receive_data(b"RFB 003.008\n\1\1", 0.0)
    assert session.data_to_send().endswith(b"first")


ARROW = Cursor(3, 2, 1, 1, bytes((0, 0, 255, 255)) * 6)


def test_the_cursor_is_sent_again_in_a_new_format():
    stage = Stage(SCREEN)
    stage.broadcast.point(PointerState(1, 5, 5, True, ARROW))
    pair = stage.join(Encoding.RAW, Encoding.CURSOR)
    pair.viewer.send_pointer(0, 5, 5)
    pair.viewer.request(False)
    stage.settle()
    assert pair.viewer.cursor.width == 3
    for name in ("rgb332", "rgb565-big", "rgbx"):
        pair.viewer.cursor = None
        pair.viewer.set_pixel_format(FORMATS[name])
        pair.viewer.request(True)
        stage.settle()
        fmt = pair.viewer.format
        assert (fmt.to_rgb(fmt.pixels(pair.viewer.cursor.pixels)) == 0xFF0000).all()


def test_a_pointer_changes_hands():
    session = ready(encodings=(Encoding.CURSOR,))
    assert session.cursors.wants_drawn(0.0) and not session.cursors.draws(0.0)
    session.receive_data(pointer(0, 1, 1), 10.0)
    assert session.cursors.draws(10.0) and not session.cursors.wants_drawn(10.0)
    assert session.cursors.changes_hands_at() == 10.0 + OWN_POINTER_S
    assert session.cursors.wants_drawn(10.0 + OWN_POINTER_S)


def test_nothing_is_said_before_it_is_live():
    session = begin()
    session.say(b"\2")
    session.show(SCREEN, "")
    session.receive_data(b"RFB 003.008\n", 0.0)
    session.say(b"\2")
    assert b"\2" not in session.data_to_send()[12:]
    session.receive_data(b"\1\1", 0.0)
    session.data_to_send()
    session.say(b"\2")
    assert session.data_to_send() == b"\2"


def set_desktop_size(width: int, height: int) -> bytes:
    return struct.pack(">BxHHBx", 251, width, height, 1) + struct.pack(">IHHHHI", 0, 0, 0, width, height, 0)


def test_another_size_is_asked_for_where_the_source_can_say_yes():
    session = ready(encodings=(Encoding.EXTENDED_DESKTOP_SIZE,))
    assert session.receive_data(set_desktop_size(80, 60), 0.0) == []
    assert resize_status(session) == ResizeStatus.PROHIBITED
    session._settings = replace(session._settings, forwards_resize=True)
    (heard,) = session.receive_data(set_desktop_size(80, 60), 0.0)
    assert (heard.width, heard.height) == (80, 60)
    assert resize_status(session) == ResizeStatus.FORWARDED
    session.view_only = True
    assert session.receive_data(set_desktop_size(80, 60), 0.0) == []
    assert resize_status(session) == ResizeStatus.PROHIBITED


@pytest.mark.parametrize("size", [(0, 60), (80, 0), (32768, 60), (80, 65535)])
def test_a_size_that_no_surface_can_have_is_no_wish(size):
    session = ready(encodings=(Encoding.EXTENDED_DESKTOP_SIZE,))
    session._settings = replace(session._settings, forwards_resize=True)
    assert session.receive_data(set_desktop_size(*size), 0.0) == []
    assert resize_status(session) == ResizeStatus.INVALID_LAYOUT


def resize_status(session: Session) -> int:
    """The y of the rectangle, of a size that has not changed."""
    x, y, width, height = struct.unpack_from(">4H", session.data_to_send(), 4)
    assert (x, width, height) == (1, SCREEN.width, SCREEN.height)
    return y


def test_a_clipboard_is_kept_once_for_all_clients():
    offer = Offer(Clipboard("x" * 1000))
    session = Stage(PaintedScreen(noise(40, 30))).join(Encoding.RAW).session
    session.clipboards.announce(offer)
    assert session.data_to_send() is offer.cut_text

import random
import time
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpvnc.constants import SecurityType
from mpvnc.errors import LimitExceeded, ProtocolError
from mpvnc.geometry import Rect
from mpvnc.pixels import NATIVE
from mpvnc.rfb.connection import Connection
from mpvnc.rfb.events import (
    Authenticated,
    ClientCutText,
    ClientInit,
    FramebufferUpdateRequest,
    KeyEvent,
    PointerEvent,
    SetEncodings,
    SkippedCutText,
    WrongPassword,
)
from mpvnc.rfb.messages import Limits
from mpvnc.rfb.offer import HandshakeSettings
from mpvnc.rfb.security.vncauth import response
from mpvnc.rfb.state import State

NONE, VNC = SecurityType.NONE, SecurityType.VNC_AUTHENTICATION
BANNER = b"RFB 003.008\n"
V33, V37, V38 = b"RFB 003.003\n", b"RFB 003.007\n", BANNER
CHALLENGE = bytes(range(16))
RIGHT, WATCH = response(b"secret", CHALLENGE), response(b"watch", CHALLENGE)
WRONG = b"\xff" * 16
OK, FAILED = bytes(4), b"\0\0\0\x01"
SHARED, EXCLUSIVE = b"\x01", b"\x00"
KEY = bytes([4, 1, 0, 0, 0, 0, 0, 0x61])


def connection(password=None, view_only_password=None, view_only=False, types=(NONE, VNC), **limits):
    made = Connection(
        HandshakeSettings(types, password, view_only_password, view_only, CHALLENGE, Limits(**limits))
    )
    assert made.data_to_send() == BANNER
    return made


def in_normal_state(**limits):
    made = connection(**limits)
    made.receive_data(V38 + b"\x01" + SHARED)
    made.data_to_send()
    assert made.state is State.NORMAL
    return made


def reason(text: str) -> bytes:
    return len(text).to_bytes(4) + text.encode()


# The handshake: versions x security types x answers

WAYS_IN = {
    # name: (password, what the client says before ClientInit, what the server says after its banner)
    "3.3 None": (None, V33, b"\0\0\0\x01"),
    "3.5 None": (None, b"RFB 003.005\n", b"\0\0\0\x01"),
    "3.7 None": (None, V37 + b"\x01", b"\x01\x01"),
    "3.8 None": (None, V38 + b"\x01", b"\x01\x01" + OK),
    "3.889 None": (None, b"RFB 003.889\n\x01", b"\x01\x01" + OK),
    "999.999 None": (None, b"RFB 999.999\n\x01", b"\x01\x01" + OK),
    "3.3 VNC": (b"secret", V33 + RIGHT, b"\0\0\0\x02" + CHALLENGE + OK),
    "3.5 VNC": (b"secret", b"RFB 003.005\n" + RIGHT, b"\0\0\0\x02" + CHALLENGE + OK),
    "3.7 VNC": (b"secret", V37 + b"\x02" + RIGHT, b"\x01\x02" + CHALLENGE + OK),
    "3.8 VNC": (b"secret", V38 + b"\x02" + RIGHT, b"\x01\x02" + CHALLENGE + OK),
    "4.1 VNC": (b"secret", b"RFB 004.001\n\x02" + RIGHT, b"\x01\x02" + CHALLENGE + OK),
}


@pytest.mark.parametrize(("password", "said", "answered"), WAYS_IN.values(), ids=WAYS_IN)
def test_ways_in(feed, password, said, answered):
    conn = connection(password)
    assert feed(conn, said) == [Authenticated(view_only=False)]
    assert conn.data_to_send() == answered
    assert conn.state is State.CLIENT_INIT
    assert conn.security == ("NONE" if password is None else "VNC_AUTHENTICATION")
    assert feed(conn, SHARED) == [ClientInit(shared=True)]
    assert conn.data_to_send() == b""
    assert conn.state is State.NORMAL
    assert feed(conn, KEY) == [KeyEvent(True, 0x61)]


@pytest.mark.parametrize(("password", "said", "answered"), WAYS_IN.values(), ids=WAYS_IN)
def test_a_client_need_not_wait_for_answers(feed, password, said, answered):
    conn = connection(password)
    later = bytes([2, 0, 0, 0]) + bytes([3, 0, 0, 0, 0, 0, 0, 8, 0, 8]) + KEY
    assert feed(conn, said + EXCLUSIVE + later) == [
        Authenticated(False),
        ClientInit(shared=False),
        SetEncodings(()),
        FramebufferUpdateRequest(False, Rect(0, 0, 8, 8)),
        KeyEvent(True, 0x61),
    ]
    assert conn.data_to_send() == answered
    assert not conn.has_partial_message


@pytest.mark.parametrize(("password", "said", "_"), WAYS_IN.values(), ids=WAYS_IN)
def test_an_early_hang_up_leaves_nobody_authenticated(password, said, _):
    for length in range(len(said)):
        conn = connection(password)
        assert conn.receive_data(said[:length]) == []
        assert conn.state in (State.PROTOCOL_VERSION, State.SECURITY, State.AUTHENTICATION)


@pytest.mark.parametrize(("password", "said", "_"), WAYS_IN.values(), ids=WAYS_IN)
@pytest.mark.parametrize("flag", [0, 1, 2, 255])
def test_any_other_than_0_is_shared(password, said, _, flag):
    conn = connection(password)
    assert conn.receive_data(said + bytes([flag]))[1:] == [ClientInit(shared=flag != 0)]


@pytest.mark.parametrize(
    ("said", "asked", "told"),
    [
        (V33, b"\0\0\0\x02" + CHALLENGE, FAILED),
        (V37 + b"\x02", b"\x01\x02" + CHALLENGE, FAILED),
        (V38 + b"\x02", b"\x01\x02" + CHALLENGE, FAILED + reason("Wrong")),
    ],
)
@pytest.mark.parametrize("given", [WRONG, response(b"", CHALLENGE), response(b"secre", CHALLENGE)])
def test_a_wrong_password_is_told_later(feed, said, asked, told, given):
    conn = connection(b"secret", b"watch")
    assert feed(conn, said + given + SHARED + KEY * 50) == [WrongPassword()]
    assert conn.state is State.FAILED
    assert conn.data_to_send() == asked
    assert not conn.has_partial_message
    conn.refuse("Wrong")
    assert conn.data_to_send() == told
    assert conn.state is State.CLOSED
    assert feed(conn, RIGHT + SHARED + KEY) == []


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (V37 + b"\x2a", b"\x01\x02" + FAILED),
        (V38 + b"\x2a", b"\x01\x02" + FAILED + reason("Security type 42 was not offered")),
        (V38 + b"\x01", b"\x01\x02" + FAILED + reason("Security type 1 was not offered")),
        (V38 + b"\x00", b"\x01\x02" + FAILED + reason("Security type 0 was not offered")),
    ],
)
def test_a_type_that_was_not_offered(feed, said, told):
    conn = connection(b"secret")
    with pytest.raises(ProtocolError, match="not offered"):
        feed(conn, said)
    assert conn.data_to_send() == told
    assert conn.state is State.CLOSED


@pytest.mark.parametrize(
    ("said", "told"), [(V33, bytes(4)), (V37, b"\0"), (V38, b"\0")], ids=["3.3", "3.7", "3.8"]
)
@pytest.mark.parametrize("password", [b"secret", b""])
def test_a_password_without_vnc_authentication_never_falls_back_to_none(feed, password, said, told):
    conn = connection(password, types=(NONE,))
    assert feed(conn, said + b"\x01\x01" + KEY) == []
    assert conn.data_to_send() == told + reason("No security type is available")
    assert conn.state is State.CLOSED


@pytest.mark.parametrize(
    ("password", "view_only_password", "view_only", "given", "expected"),
    [
        (b"secret", None, False, RIGHT, Authenticated(False)),
        (b"secret", b"watch", False, RIGHT, Authenticated(False)),
        (b"secret", b"watch", False, WATCH, Authenticated(True)),
        (None, b"watch", False, WATCH, Authenticated(True)),
        (b"secret", b"secret", False, RIGHT, Authenticated(False)),
        (b"secret", None, True, RIGHT, Authenticated(True)),
        (None, b"watch", False, response(b"", CHALLENGE), WrongPassword()),
        (None, b"watch", False, RIGHT, WrongPassword()),
    ],
)
def test_who_may_control(feed, password, view_only_password, view_only, given, expected):
    conn = connection(password, view_only_password, view_only)
    assert feed(conn, V38 + b"\x02" + given) == [expected]


def test_view_only_without_a_password(feed):
    assert feed(connection(view_only=True), V38 + b"\x01") == [Authenticated(True)]


# Versions that are none


@pytest.mark.parametrize(
    "said", [b"RFB 002.000\n", b"NOTVRB 1.0\n\n", b"GET / HTTP/1.1\r\n\r\n", bytes(10_000)]
)
def test_garbage_is_judged_after_12_bytes_and_refused_as_3_3_does(said):
    conn = connection()
    assert conn.receive_data(said[:11]) == []
    assert conn.data_to_send() == b""
    assert conn.has_partial_message
    with pytest.raises(ProtocolError, match="protocol version") as error:
        conn.receive_data(said[11:])
    assert conn.data_to_send() == bytes(4) + reason(str(error.value))
    assert conn.state is State.CLOSED
    assert conn.version is None
    assert conn.receive_data(V38) == []


# refuse()


@pytest.mark.parametrize(
    ("version", "told"),
    [
        (V33, bytes(4) + reason("Full")),
        (b"RFB 003.005\n", bytes(4) + reason("Full")),
        (V37, b"\0" + reason("Full")),
        (V38, b"\0" + reason("Full")),
        (b"RFB 003.889\n", b"\0" + reason("Full")),
    ],
)
@pytest.mark.parametrize("password", [None, b"secret"])
def test_refusal_before_the_version_waits_for_it(feed, version, told, password):
    conn = connection(password)
    conn.receive_data(version[:5])
    conn.refuse("Full")
    conn.refuse("The first reason counts")
    assert conn.data_to_send() == b""
    assert feed(conn, version[5:] + b"\x01\x01" + KEY) == []
    assert conn.data_to_send() == told
    assert conn.state is State.CLOSED


def test_a_refused_client_that_is_none_is_refused_once(feed):
    conn = connection()
    conn.refuse("Full")
    with pytest.raises(ProtocolError) as error:
        feed(conn, b"GET / HTTP/1.1\r\n")
    assert conn.data_to_send() == bytes(4) + reason(str(error.value))


@pytest.mark.parametrize(
    ("password", "version", "choice", "told"),
    [
        (None, V37, b"\x01", b""),                                      # no result, so no words
        (None, V38, b"\x01", FAILED + reason("Full")),
        (b"secret", V37, b"\x02", CHALLENGE + FAILED),                  # the challenge is read first
        (b"secret", V38, b"\x02", CHALLENGE + FAILED + reason("Full")),
    ],
)  # fmt: skip
def test_refusal_while_the_client_chooses(feed, password, version, choice, told):
    conn = connection(password)
    conn.receive_data(version)
    conn.data_to_send()
    conn.refuse("Full")
    assert (conn.state, conn.data_to_send()) == (State.SECURITY, b"")
    assert feed(conn, choice + RIGHT + SHARED + KEY) == []
    assert conn.data_to_send() == told
    assert conn.state is State.CLOSED


@pytest.mark.parametrize(
    ("said", "told"),
    [(V33, FAILED), (V37 + b"\x02", FAILED), (V38 + b"\x02", FAILED + reason("Full"))],
)
@pytest.mark.parametrize("answered", [b"", RIGHT[:15]])
def test_refusal_during_authentication(said, told, answered):
    conn = connection(b"secret")
    conn.receive_data(said + answered)
    conn.data_to_send()
    conn.refuse("Full")
    assert conn.data_to_send() == told
    assert conn.state is State.CLOSED
    assert conn.receive_data(RIGHT) == []


@pytest.mark.parametrize("said", [V33, V37 + b"\x01", V38 + b"\x01", V38 + b"\x01\x01"])
def test_who_is_let_in_can_only_be_hung_up_on(said):
    conn = connection()
    conn.receive_data(said)
    conn.data_to_send()
    conn.refuse("Full")
    assert conn.data_to_send() == b""
    assert conn.state is State.CLOSED
    conn.refuse("Again")
    assert conn.data_to_send() == b""


@pytest.mark.parametrize("length", range(len(V38 + b"\x02" + RIGHT + SHARED + KEY) + 1))
def test_close_discards_whatever_the_state(length):
    conn = connection(b"secret")
    said = V38 + b"\x02" + RIGHT + SHARED + KEY
    conn.receive_data(said[:length])
    conn.data_to_send()
    conn.close()
    assert conn.receive_data(said[length:]) == []
    assert (conn.state, conn.data_to_send(), conn.has_partial_message) == (State.CLOSED, b"", False)


# ServerInit


def test_server_init_answers_client_init():
    conn = in_normal_state()
    conn.server_init(1280, 720, NATIVE, "ä€")
    assert conn.data_to_send() == bytes.fromhex(
        "0500 02d0 20 18 00 01 00ff 00ff 00ff 10 08 00 000000 00000005 c3a4 e282ac"
    )
    with pytest.raises(RuntimeError):
        conn.server_init(1280, 720, NATIVE, "again")


def test_server_init_is_said_though_what_follows_client_init_is_wrong():
    conn = connection()
    with pytest.raises(ProtocolError):
        conn.receive_data(V38 + b"\x01" + b"\x01" + b"\x63")
    assert conn.events_before_error[-1] == ClientInit(shared=True)
    conn.data_to_send()
    conn.server_init(1, 1, NATIVE, "")
    assert len(conn.data_to_send()) == 24
    assert conn.state is State.CLOSED


def test_server_init_is_not_said_before_it_is_asked_for():
    conn = connection()
    conn.receive_data(V38 + b"\x01")
    with pytest.raises(RuntimeError):
        conn.server_init(1, 1, NATIVE, "")


# Messages


def test_messages_come_in_order(feed):
    said = bytes([5, 0, 0, 10, 0, 20]) + bytes([5, 1, 0, 10, 0, 20]) + bytes([5, 0, 0, 11, 0, 20])
    cut = bytes([6, 0, 0, 0, 0, 0, 0, 6]) + b"hello\xa3" + bytes([6, 0, 0, 0, 0, 0, 0, 0])
    assert feed(in_normal_state(), said + KEY + cut) == [
        PointerEvent(0, 10, 20),
        PointerEvent(1, 10, 20),
        PointerEvent(0, 11, 20),
        KeyEvent(True, 0x61),
        ClientCutText("hello£"),
        ClientCutText(""),
    ]


@pytest.mark.parametrize("length", range(1, len(KEY)))
def test_a_message_that_has_begun_is_known(length):
    conn = in_normal_state()
    assert not conn.has_partial_message
    assert conn.receive_data(KEY + KEY[:length]) == [KeyEvent(True, 0x61)]
    assert conn.has_partial_message
    assert conn.receive_data(KEY[length:]) == [KeyEvent(True, 0x61)]
    assert not conn.has_partial_message


def test_an_error_closes_and_keeps_what_came_before_it():
    conn = in_normal_state()
    with pytest.raises(ProtocolError, match="message type 77 "):
        conn.receive_data(KEY + b"\x4d" + KEY)
    assert conn.events_before_error == (KeyEvent(True, 0x61),)
    assert conn.state is State.CLOSED
    assert not conn.has_partial_message
    assert conn.receive_data(KEY) == []
    assert conn.events_before_error == ()


def test_limits_are_those_of_the_settings(feed):
    with pytest.raises(LimitExceeded):
        feed(in_normal_state(set_encodings=2), bytes([2, 0, 0, 3]))
    with pytest.raises(LimitExceeded):
        feed(in_normal_state(client_cut_text_bytes=8), bytes([6, 0, 0, 0, 0, 0, 0, 9]))


@pytest.mark.parametrize("types", [[255], [253], [252], [16], [7], [1]])
def test_what_is_not_offered_closes(types):
    with pytest.raises(ProtocolError):
        in_normal_state().receive_data(bytes(types))


# Time and memory


def peak_bytes(action) -> int:
    tracemalloc.start()
    action()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


def test_what_is_discarded_takes_no_memory():
    conn = connection(b"secret")
    conn.receive_data(V38 + b"\x02" + WRONG)
    chunk = bytes(64 << 10)
    assert peak_bytes(lambda: [conn.receive_data(chunk) for _ in range(64)]) < len(chunk)


def test_memory_does_not_grow_with_what_was_read():
    conn = in_normal_state()
    chunk = KEY * 100 + KEY[:3]

    def talk():
        for _ in range(200):
            conn.receive_data(chunk)
            conn.receive_data(KEY[3:])

    assert peak_bytes(talk) < 100_000


def test_a_long_message_in_small_pieces_costs_no_more_than_its_length():
    def seconds(length):
        conn = in_normal_state(client_cut_text_bytes=1 << 20)
        conn.receive_data(bytes([6, 0, 0, 0]) + length.to_bytes(4))
        piece = bytes(64)
        start = time.process_time()
        for _ in range(length // len(piece) - 1):
            conn.receive_data(piece)
        spent = time.process_time() - start
        assert conn.receive_data(piece) == [ClientCutText("\0" * length)]
        return spent

    small, large = min(seconds(1 << 16) for _ in range(3)), seconds(1 << 20)
    assert large < 16 * 8 * small  # 16 times as long; quadratic would be 256 times


def test_a_text_that_nobody_takes_costs_no_memory():
    conn = in_normal_state(client_cut_text_bytes=16 << 20)
    conn.keeps_text = False

    def receive():
        assert conn.receive_data(bytes([6, 0, 0, 0, 1, 0, 0, 0])) == [SkippedCutText(16 << 20)]
        for _ in range((16 << 20) // 65536):
            assert conn.has_partial_message
            assert conn.receive_data(bytes(65536)) == []
        assert not conn.has_partial_message

    assert peak_bytes(receive) < 1 << 20
    assert conn.receive_data(KEY) == [KeyEvent(True, 0x61)]


def test_a_text_that_nobody_takes_meets_the_limit():
    conn = in_normal_state(client_cut_text_bytes=8)
    conn.keeps_text = False
    with pytest.raises(LimitExceeded):
        conn.receive_data(bytes([6, 0, 0, 0, 0, 0, 0, 9]))


def test_a_text_that_nobody_takes_any_more_is_skipped_from_where_it_is():
    conn = in_normal_state()
    conn.receive_data(bytes([6, 0, 0, 0, 0, 0, 0, 9]) + b"some")
    conn.keeps_text = False
    assert conn.receive_data(b"thing" + KEY) == [SkippedCutText(9), KeyEvent(True, 0x61)]


# "Events or ProtocolError, nothing else, whatever arrives and however it is cut."

PIECES = st.sampled_from([
    V33, V37, V38, b"RFB 003.889\n", b"\x01", b"\x02", RIGHT, WRONG, KEY,
    bytes([2, 0, 0, 1, 0, 0, 0, 7]), bytes([3, 1, 0, 0, 0, 0, 0, 9, 0, 9]), bytes([5, 1, 0, 1, 0, 1]),
    bytes([6, 0, 0, 0, 0, 0, 0, 2]) + b"hi", bytes.fromhex("06000000 fffffffc 02000001"),
    bytes.fromhex("06000000 fffffff8 10000001 01020304"), bytes.fromhex("06000000 ffffffb0 08000000") + bytes(76),
    bytes([150, 1, 0, 0, 0, 0, 0, 9, 0, 9]),
    bytes([248, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4]), bytes([251, 0, 0, 9, 0, 9, 1, 0]) + bytes(16),
    bytes(4) + NATIVE.to_bytes(),
])  # fmt: skip
TALK = st.lists(PIECES | st.binary(max_size=40), max_size=20).map(b"".join)
STARTS = st.sampled_from([b"", V33, V38 + b"\x01\x01", V38 + b"\x01\x00"])


def outcome(conn: Connection, pieces: list[bytes]):
    """Return all that can be seen of a conversation from outside."""
    events = []
    for piece in pieces:
        try:
            events += conn.receive_data(piece)
        except ProtocolError as error:
            events += [*conn.events_before_error, (type(error), str(error))]
    return events, conn.data_to_send(), conn.state, conn.has_partial_message


@given(STARTS, TALK, st.sampled_from([None, b"secret"]), st.booleans(), st.integers(0, 1 << 16))
@settings(max_examples=150)
def test_any_bytes_give_events_or_a_protocol_error_however_they_are_cut(
    start, talk, password, keeps_text, seed
):
    said = start + talk
    cuts = sorted(random.Random(seed).randrange(len(said) + 1) for _ in range(5))
    pieces = [said[a:b] for a, b in zip([0, *cuts], [*cuts, len(said)], strict=True)]
    limits = {"set_encodings": 8, "client_cut_text_bytes": 100}

    def told(pieces):
        conn = connection(password, **limits)
        conn.keeps_text = keeps_text
        return outcome(conn, pieces)

    whole = told([said])
    assert told(pieces) == whole
    assert told([bytes([byte]) for byte in said]) == whole


@given(st.binary(max_size=200), st.booleans())
@settings(max_examples=100)
def test_without_the_password_nobody_is_authenticated(noise, is_version_3_3):
    conn = connection(b"secret", b"watch")
    events, _, state, _ = outcome(conn, [(V33 if is_version_3_3 else V38 + b"\x02") + noise])
    assert Authenticated not in map(type, events)
    assert state in (State.AUTHENTICATION, State.FAILED)

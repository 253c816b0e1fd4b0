"""Security types of several turns, as conversations: VeNCrypt with and without TLS, Tight."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpvnc.constants import VeNCryptSubtype
from mpvnc.errors import LimitExceeded, ProtocolError
from mpvnc.pixels import NATIVE
from mpvnc.rfb.connection import KEPT_BYTES, Connection
from mpvnc.rfb.events import Authenticated, ClientInit, Credentials, KeyEvent, StartTls, WrongPassword
from mpvnc.rfb.offer import WANTS_ENCRYPTION, WANTS_USER, HandshakeSettings
from mpvnc.rfb.security import Access
from mpvnc.rfb.security.vncauth import response
from mpvnc.rfb.state import State

PLAIN, X509_NONE, X509_VNC, X509_PLAIN = VeNCryptSubtype
BANNER = b"RFB 003.008\n"
V33, V37 = b"RFB 003.003\n", b"RFB 003.007\n"
CHALLENGE = bytes(range(16))
OK, FAILED, SHARED = bytes(4), b"\0\0\0\1", b"\1"
KEY = bytes([4, 1, 0, 0, 0, 0, 0, 0x61])
TLS, USERS = {"can_encrypt": True}, {"has_users": True}
EVERYTHING = (X509_PLAIN, PLAIN, X509_VNC, X509_NONE, 2, 1, 16)
TIGHT_OFFER = bytes.fromhex("00000000 00000001 00000002 53544456 564e43415554485f")
ALICE = struct.pack(">II", 5, 6) + b"alicesecret"


def connection(password=None, view_only=False, **more) -> Connection:
    made = Connection(HandshakeSettings(EVERYTHING, password, None, view_only, CHALLENGE, **more))
    assert made.data_to_send() == BANNER
    return made


def reason(text: str) -> bytes:
    return struct.pack(">I", len(text)) + text.encode()


def choose(subtype: int) -> bytes:
    return b"\x13" + b"\0\2" + struct.pack(">I", subtype)


def listed(*subtypes: int) -> bytes:
    return b"\0\2" + b"\0" + bytes([len(subtypes)]) + struct.pack(f">{len(subtypes)}I", *subtypes)


# VeNCrypt that becomes TLS


@pytest.mark.parametrize("version", [BANNER, V37])
def test_x509none(feed, version):
    conn = connection(can_encrypt=True)
    assert feed(conn, version + choose(X509_NONE)) == [StartTls()]
    assert conn.data_to_send() == b"\3\x13\1\x10" + listed(X509_NONE, 1) + b"\1"
    assert conn.state is State.ENCRYPTION
    assert conn.encrypted() == [Authenticated(False)]
    assert conn.data_to_send() == OK, "unlike None, with a result in 3.7 too"
    assert feed(conn, SHARED + KEY) == [ClientInit(True), KeyEvent(True, 0x61)]


def test_x509vnc(feed):
    conn = connection(b"secret", can_encrypt=True)
    assert feed(conn, BANNER + choose(X509_VNC)) == [StartTls()]
    conn.data_to_send()
    assert conn.encrypted() == []
    assert conn.data_to_send() == CHALLENGE
    assert feed(conn, response(b"secret", CHALLENGE) + SHARED) == [Authenticated(False), ClientInit(True)]
    assert conn.data_to_send() == OK


@pytest.mark.parametrize("access", [Access.FULL, Access.VIEW_ONLY])
def test_x509plain(feed, access):
    conn = connection(has_users=True, can_encrypt=True)
    assert feed(conn, BANNER + choose(X509_PLAIN)) == [StartTls()]
    conn.data_to_send()
    assert conn.encrypted() == []
    assert feed(conn, ALICE) == [Credentials("alice", "secret")]
    assert conn.data_to_send() == b""
    assert conn.judge(access) == [Authenticated(access is Access.VIEW_ONLY)]
    assert conn.data_to_send() == OK
    assert feed(conn, SHARED) == [ClientInit(True)]


def test_bytes_in_clear_behind_the_choice_of_tls_are_an_error(feed):
    conn = connection(can_encrypt=True)
    with pytest.raises(ProtocolError, match="in clear"):
        feed(conn, BANNER + choose(X509_NONE) + SHARED)
    assert conn.state is State.CLOSED


def test_tls_is_said_to_have_begun_only_once():
    conn = connection(can_encrypt=True)
    assert conn.encrypted() == []
    conn.receive_data(BANNER + choose(X509_NONE))
    assert conn.encrypted() == [Authenticated(False)]
    assert conn.encrypted() == []


# VeNCrypt as it is


def test_plain_inside_tls_that_was_there_before(feed):
    conn = connection(has_users=True, is_encrypted=True)
    assert feed(conn, BANNER + choose(PLAIN) + ALICE) == [Credentials("alice", "secret")]
    assert conn.data_to_send() == b"\1\x13" + listed(PLAIN)
    assert conn.judge(Access.FULL) == [Authenticated(False)]


@pytest.mark.parametrize(
    ("password", "subtype", "said"), [(None, 1, b""), (b"x", 2, response(b"x", CHALLENGE))]
)
def test_ordinary_types_inside_vencrypt(feed, password, subtype, said):
    conn = connection(password, can_encrypt=True)
    assert feed(conn, BANNER + choose(subtype) + said + SHARED) == [Authenticated(False), ClientInit(True)]
    asked = CHALLENGE if password else b""
    assert conn.data_to_send().endswith(asked + OK)


@pytest.mark.parametrize("version", [b"\0\1", b"\1\0"])
def test_another_version_of_vencrypt(feed, version):
    conn = connection(can_encrypt=True)
    with pytest.raises(ProtocolError, match="VeNCrypt"):
        feed(conn, BANNER + b"\x13" + version)
    assert conn.data_to_send()[-1] != 0


def test_a_subtype_that_was_not_offered(feed):
    conn = connection(b"x", can_encrypt=True)
    with pytest.raises(ProtocolError, match="260"):
        feed(conn, BANNER + choose(X509_NONE))
    assert conn.data_to_send().endswith(b"\0")


# a user who is looked up


def asked_for(**more) -> Connection:
    conn = connection(has_users=True, is_encrypted=True, **more)
    conn.receive_data(BANNER + choose(PLAIN) + ALICE)
    conn.data_to_send()
    assert conn.state is State.VERDICT
    return conn


def test_what_comes_while_a_user_is_looked_up_is_kept_in_order(feed):
    conn = asked_for()
    assert feed(conn, SHARED + KEY) == []
    assert conn.judge(Access.FULL) == [Authenticated(False), ClientInit(True), KeyEvent(True, 0x61)]


def test_it_is_not_kept_without_limit():
    conn = asked_for()
    conn.receive_data(bytes(KEPT_BYTES))
    with pytest.raises(LimitExceeded):
        conn.receive_data(b"x")


def test_a_wrong_user_is_told_later(feed):
    conn = asked_for()
    assert feed(conn, SHARED) == []
    assert conn.judge(Access.DENIED) == [WrongPassword()]
    assert conn.data_to_send() == b""
    conn.refuse("No")
    assert conn.data_to_send() == FAILED + reason("No")
    assert conn.judge(Access.FULL) == []


def test_nobody_is_judged_twice_or_unasked():
    assert connection().judge(Access.FULL) == []
    conn = asked_for()
    assert conn.judge(Access.DENIED) == [WrongPassword()]
    assert conn.judge(Access.FULL) == []


def test_an_empty_name_and_password_are_judged_without_another_byte(feed):
    conn = connection(has_users=True, is_encrypted=True)
    assert feed(conn, BANNER + choose(PLAIN) + bytes(8)) == [Credentials("", "")]


def test_a_view_only_server_lets_users_watch():
    assert asked_for(view_only=True).judge(Access.FULL) == [Authenticated(True)]


# Tight


def test_tight_without_a_password(feed):
    conn = connection()
    assert feed(conn, BANNER + b"\x10" + SHARED) == [Authenticated(False), ClientInit(True)]
    assert conn.data_to_send() == b"\2\1\x10" + bytes(8) + OK


def test_tight_without_a_password_in_3_7_has_no_result(feed):
    conn = connection()
    assert feed(conn, V37 + b"\x10" + SHARED) == [Authenticated(False), ClientInit(True)]
    assert conn.data_to_send() == b"\2\1\x10" + bytes(8)


@pytest.mark.parametrize("version", [BANNER, V37])
def test_tight_with_a_password(feed, version):
    conn = connection(b"secret")
    answer = response(b"secret", CHALLENGE)
    assert feed(conn, version + b"\x10\0\0\0\2" + answer + SHARED) == [Authenticated(False), ClientInit(True)]
    assert conn.data_to_send() == b"\2\2\x10" + TIGHT_OFFER + CHALLENGE + OK


@pytest.mark.parametrize(("choice", "behind"), [(b"\x10", bytes(8)), (b"\1", b"")])
def test_capabilities_stand_behind_server_init_after_tight_alone(choice, behind):
    conn = connection()
    conn.receive_data(BANNER + choice + SHARED)
    conn.data_to_send()
    conn.server_init(7, 8, NATIVE, "desk")
    data = conn.data_to_send()
    assert data[24:] == b"desk" + behind


# refusals


@pytest.mark.parametrize(
    ("more", "words"),
    [({"must_encrypt": True}, WANTS_ENCRYPTION), ({"has_users": True}, WANTS_USER)],
)
def test_who_cannot_be_offered_anything_is_told_why(feed, more, words):
    for version, nothing in ((BANNER, b"\0"), (V37, b"\0"), (V33, b"\0\0\0\0")):
        conn = connection(**more)
        assert feed(conn, version) == []
        assert conn.data_to_send() == nothing + reason(words)
        assert conn.state is State.CLOSED


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (TLS | {"must_encrypt": True}, WANTS_ENCRYPTION),
        (TLS | USERS, WANTS_USER),
    ],
)
def test_3_3_knows_nothing_but_none_and_vnc_authentication(feed, more, words):
    conn = connection(**more)
    feed(conn, V33)
    assert conn.data_to_send() == b"\0\0\0\0" + reason(words)


def test_a_refusal_waits_until_the_client_reads_a_result():
    conn = connection(b"x", can_encrypt=True)
    conn.receive_data(BANNER)
    conn.refuse("Full")
    assert conn.receive_data(choose(X509_VNC)) == [StartTls()]
    conn.data_to_send()
    assert conn.encrypted() == []
    assert conn.data_to_send() == CHALLENGE + FAILED + reason("Full")
    assert conn.state is State.CLOSED


def test_a_refusal_in_the_middle_of_vencrypt_waits_too():
    conn = connection(can_encrypt=True)
    conn.receive_data(BANNER + b"\x13\0")
    conn.data_to_send()
    conn.refuse("Full")
    assert conn.state is State.AUTHENTICATION
    conn.receive_data(b"\2" + struct.pack(">I", X509_NONE))
    conn.data_to_send()
    assert conn.encrypted() == []
    assert conn.data_to_send() == FAILED + reason("Full")


def test_a_refusal_while_a_user_is_looked_up_is_spoken_at_once():
    conn = asked_for()
    conn.refuse("Stopping")
    assert conn.data_to_send() == FAILED + reason("Stopping")
    assert conn.judge(Access.FULL) == []


# cut anywhere


CONVERSATIONS = {
    "vencrypt x509none": (None, TLS, BANNER + choose(X509_NONE), SHARED + KEY),
    "vencrypt x509vnc": (b"x", TLS, BANNER + choose(X509_VNC), response(b"x", CHALLENGE) + SHARED + KEY),
    "vencrypt plain": (None, USERS | {"is_encrypted": True}, BANNER + choose(PLAIN) + ALICE + SHARED + KEY, b""),
    "vencrypt x509plain": (None, TLS | USERS, BANNER + choose(X509_PLAIN), ALICE + SHARED + KEY),
    "tight none": (None, {}, BANNER + b"\x10" + SHARED + KEY, b""),
    "tight": (b"x", {}, BANNER + b"\x10\0\0\0\2" + response(b"x", CHALLENGE) + SHARED + KEY, b""),
}  # fmt: skip


@pytest.mark.parametrize("name", CONVERSATIONS)
@given(data=st.data())
def test_every_way_of_cutting_says_the_same(name, data):
    password, more, before_tls, in_tls = CONVERSATIONS[name]

    def hold(cut):
        conn = connection(password, **more)
        events, sent = [], b""
        for stage in (before_tls, in_tls):
            for piece in cut(stage):
                events += conn.receive_data(piece)
                sent += conn.data_to_send()
                if Credentials("alice", "secret") in events and conn.state is State.VERDICT:
                    events += conn.judge(Access.FULL)
            if conn.state is State.ENCRYPTION:
                events += conn.encrypted()
            sent += conn.data_to_send()
        return events, sent, conn.state

    def randomly(stage):
        places = sorted(data.draw(st.lists(st.integers(0, len(stage)))))
        for begin, end in zip([0, *places], [*places, len(stage)], strict=True):
            if end > begin:
                yield stage[begin:end]

    whole = hold(lambda stage: [stage] if stage else [])
    assert whole[2] is State.NORMAL
    assert hold(randomly) == whole


@given(garbage=st.binary(max_size=64), password=st.sampled_from([None, b"x"]))
def test_garbage_lets_nobody_in_but_by_the_rules(garbage, password):
    conn = connection(password, has_users=True, can_encrypt=True)
    try:
        events = conn.receive_data(BANNER + b"\x13" + garbage)
    except ProtocolError:
        events = []
    assert not any(isinstance(event, Authenticated) for event in events)

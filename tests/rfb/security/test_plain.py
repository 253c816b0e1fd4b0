import struct

import pytest

from mpvnc.rfb.security import Ask, Reject, Verify
from mpvnc.rfb.security.plain import PASSWORD_BYTES, USER_BYTES, PlainAuthentication


def lengths(user: int, password: int) -> bytes:
    return struct.pack(">II", user, password)


@pytest.mark.parametrize(
    ("user", "password"),
    [(b"alice", b"secret"), (b"", b""), ("ä€".encode(), "ö\0x".encode()), (b"a" * 255, b"")],
)
def test_name_and_password(user, password):
    exchange = PlainAuthentication()
    assert exchange.begin() == Ask(b"", 8)
    size = len(user) + len(password)
    assert exchange.go_on(lengths(len(user), len(password))) == Ask(b"", size, is_last=True)
    assert exchange.go_on(user + password) == Verify(user.decode(), password.decode())


def test_what_is_not_utf_8_is_taken_and_never_matches():
    exchange = PlainAuthentication()
    exchange.go_on(lengths(1, 1))
    assert exchange.go_on(b"\xff\xfe") == Verify("\ufffd", "\ufffd")


@pytest.mark.parametrize(
    "sizes", [(USER_BYTES + 1, 0), (0, PASSWORD_BYTES + 1), (0xFFFFFFFF, 0xFFFFFFFF), (0, 0xFFFFFFFF)]
)
def test_too_long_is_refused_before_it_is_read(sizes):
    turn = PlainAuthentication().go_on(lengths(*sizes))
    assert isinstance(turn, Reject)
    assert str(sizes[1]) in turn.reason


def test_the_password_is_in_no_representation_of_the_event():
    from mpvnc.rfb.events import Credentials

    assert "secret" not in repr(Credentials("alice", "secret"))

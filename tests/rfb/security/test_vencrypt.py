import struct

import pytest

from mpvnc.constants import VeNCryptSubtype
from mpvnc.rfb.security import Access, Ask, Encrypt, Reject, Verdict
from mpvnc.rfb.security.none import NoAuthentication
from mpvnc.rfb.security.plain import PlainAuthentication
from mpvnc.rfb.security.vencrypt import VeNCrypt
from mpvnc.rfb.security.vncauth import VncAuthentication

PLAIN, X509_NONE, X509_VNC, X509_PLAIN = VeNCryptSubtype
CHALLENGE = bytes(range(16))


def exchange() -> VeNCrypt:
    vnc = VncAuthentication(b"x", None, CHALLENGE)
    return VeNCrypt(
        {X509_NONE: NoAuthentication(), X509_VNC: vnc, X509_PLAIN: PlainAuthentication(), PLAIN: PlainAuthentication(),
         1: NoAuthentication(), 2: vnc}
    )  # fmt: skip


def chosen(subtype: int):
    made = exchange()
    made.begin()
    made.go_on(b"\0\2")
    return made, made.go_on(struct.pack(">I", subtype))


def test_version_then_the_list():
    made = exchange()
    assert made.begin() == Ask(b"\0\2", 2)
    listed = struct.pack(">6I", 260, 261, 262, 256, 1, 2)
    assert made.go_on(b"\0\2") == Ask(b"\0\6" + listed, 4)


@pytest.mark.parametrize("version", [b"\0\1", b"\0\3", b"\1\0", b"\0\0"])
def test_another_version_is_refused_with_something_other_than_0(version):
    made = exchange()
    made.begin()
    turn = made.go_on(version)
    assert isinstance(turn, Reject)
    assert len(turn.say) == 1 and turn.say != b"\0"


@pytest.mark.parametrize("subtype", [0, 19, 257, 258, 263, 2**32 - 1])
def test_a_subtype_that_was_not_offered_is_refused_with_0(subtype):
    _, turn = chosen(subtype)
    assert isinstance(turn, Reject)
    assert turn.say == b"\0"
    assert str(subtype) in turn.reason


@pytest.mark.parametrize(
    ("subtype", "then"),
    [
        (X509_NONE, Verdict(Access.FULL)),
        (X509_VNC, Ask(CHALLENGE, 16, is_last=True)),
        (X509_PLAIN, Ask(b"", 8)),
    ],
)
def test_x509_begins_with_1_and_tls(subtype, then):
    made, turn = chosen(subtype)
    assert turn == Encrypt(b"\1")
    assert made.go_on(b"") == then


@pytest.mark.parametrize(
    ("subtype", "turn"),
    [(PLAIN, Ask(b"", 8)), (1, Verdict(Access.FULL, is_tacit=True)), (2, Ask(CHALLENGE, 16, is_last=True))],
)
def test_the_others_go_on_at_once_without_a_1(subtype, turn):
    assert chosen(subtype)[1] == turn


def test_the_answer_goes_to_what_was_chosen():
    made, _ = chosen(X509_VNC)
    made.go_on(b"")
    assert made.go_on(bytes(16)) == Verdict(Access.DENIED)

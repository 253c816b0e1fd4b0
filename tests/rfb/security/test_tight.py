import pytest

from mpvnc.rfb.security import Access, Ask, Reject, Verdict
from mpvnc.rfb.security.none import NoAuthentication
from mpvnc.rfb.security.tight import NO_CAPABILITIES, TightSecurity
from mpvnc.rfb.security.vncauth import VncAuthentication, response

CHALLENGE = bytes(range(16))
OFFER = bytes.fromhex("00000000 00000001 00000002 53544456 564e43415554485f")


def test_nothing_is_asked_without_a_password():
    exchange = TightSecurity(NoAuthentication(), is_none=True)
    assert exchange.begin() == Verdict(Access.FULL, is_tacit=True, say=bytes(8))


def test_vnc_authentication_is_chosen_first():
    exchange = TightSecurity(VncAuthentication(b"secret", None, CHALLENGE), is_none=False)
    assert exchange.begin() == Ask(OFFER, 4)
    assert exchange.go_on(b"\0\0\0\2") == Ask(CHALLENGE, 16, is_last=True)
    assert exchange.go_on(response(b"secret", CHALLENGE)) == Verdict(Access.FULL)


@pytest.mark.parametrize("code", [b"\0\0\0\1", b"\0\0\0\0", b"\xff\xff\xff\xff", b"\0\0\0\x13"])
def test_nothing_else_can_be_chosen(code):
    exchange = TightSecurity(VncAuthentication(b"secret", None, CHALLENGE), is_none=False)
    exchange.begin()
    assert isinstance(exchange.go_on(code), Reject)


def test_no_capabilities_are_four_times_0():
    assert bytes(8) == NO_CAPABILITIES

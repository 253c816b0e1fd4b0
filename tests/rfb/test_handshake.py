import pytest

from mpvnc.constants import SecurityType
from mpvnc.errors import ProtocolError
from mpvnc.rfb.handshake import BANNER, HandshakeSettings, offered_exchanges, parse_version

NONE, VNC = SecurityType.NONE, SecurityType.VNC_AUTHENTICATION


def settings(password=None, view_only_password=None, security_types=(NONE, VNC)):
    return HandshakeSettings(security_types, password, view_only_password, False, bytes(16))


def test_banner():
    assert bytes.fromhex("52464220 3030332e 3030380a") == BANNER


@pytest.mark.parametrize(
    ("said", "spoken"),
    [
        (b"RFB 003.003\n", (3, 3)),
        (b"RFB 003.004\n", (3, 3)),
        (b"RFB 003.005\n", (3, 3)),
        (b"RFB 003.006\n", (3, 3)),
        (b"RFB 003.007\n", (3, 7)),
        (b"RFB 003.008\n", (3, 8)),
        (b"RFB 003.009\n", (3, 8)),
        (b"RFB 003.889\n", (3, 8)),
        (b"RFB 004.000\n", (3, 8)),
        (b"RFB 004.001\n", (3, 8)),
        (b"RFB 999.999\n", (3, 8)),
    ],
)
def test_versions(said, spoken):
    assert parse_version(said) == spoken


@pytest.mark.parametrize("said", [b"RFB 002.000\n", b"RFB 000.000\n", b"RFB 003.002\n"])
def test_versions_that_are_too_old(said):
    with pytest.raises(ProtocolError, match="not supported"):
        parse_version(said)


@pytest.mark.parametrize(
    "said",
    [
        b"NOTVRB 1.0\n\n", b"GET / HTTP/1", b"RFB 003.008\r", b"RFB 3.8\n\n\n\n\n", b"RFB +03.008\n",
        b"rfb 003.008\n", b"RFB 003,008\n", bytes(12), b"RFB 00\xb2.008\n",
    ],
)  # fmt: skip
def test_garbage_is_no_version_and_is_shown_in_hex(said):
    with pytest.raises(ProtocolError, match=said.hex(" ")):
        parse_version(said)


@pytest.mark.parametrize(
    ("passwords", "offered"),
    [
        ((None, None), [NONE]),
        ((b"secret", None), [VNC]),
        ((None, b"watch"), [VNC]),
        ((b"secret", b"watch"), [VNC]),
        ((b"", b"watch"), [VNC]),
        ((b"", None), []),
        ((None, b""), []),
        ((b"", b""), []),
        ((b"\0\x80", None), []),  # the empty password's key
    ],
)
def test_none_is_offered_only_without_any_password(passwords, offered):
    assert list(offered_exchanges(settings(*passwords))) == offered


def test_types_come_in_the_settings_order_and_unknown_ones_not_at_all():
    assert list(offered_exchanges(settings(security_types=(99, VNC, NONE)))) == [NONE]
    assert list(offered_exchanges(settings(b"secret", security_types=(99, VNC, NONE)))) == [VNC]


def test_without_vnc_authentication_a_password_leaves_nothing():
    assert offered_exchanges(settings(b"secret", security_types=(NONE,))) == {}


@pytest.mark.parametrize("length", [0, 8, 15, 17])
def test_a_challenge_has_16_bytes(length):
    with pytest.raises(ValueError, match="16 bytes"):
        HandshakeSettings((NONE,), None, None, False, bytes(length))


def test_secrets_are_not_in_its_representation():
    text = repr(HandshakeSettings((VNC,), b"secret", b"watch", False, b"0123456789abcdef"))
    assert not any(secret in text for secret in ("secret", "watch", "0123"))

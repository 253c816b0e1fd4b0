import pytest

from mpvnc.constants import VeNCryptSubtype
from mpvnc.rfb.offer import (
    NOTHING,
    WANTS_ENCRYPTION,
    WANTS_USER,
    HandshakeSettings,
    offered_exchanges,
    why_nothing,
)
from mpvnc.rfb.security.vencrypt import VeNCrypt

NONE, VNC, TIGHT, VENCRYPT = 1, 2, 16, 19
PLAIN, X509_NONE, X509_VNC, X509_PLAIN = VeNCryptSubtype
EVERYTHING = (VNC, NONE, TIGHT, X509_PLAIN, PLAIN, X509_VNC, X509_NONE)
USERS, TLS, SECRET, MUST = (
    {"has_users": True},
    {"can_encrypt": True},
    {"is_encrypted": True},
    {"must_encrypt": True},
)


def settings(password=None, view_only_password=None, security_types=(NONE, VNC), **more):
    return HandshakeSettings(security_types, password, view_only_password, False, bytes(16), **more)


def offer(password=None, **more):
    """What is offered, and what VeNCrypt offers within."""
    offered = offered_exchanges(settings(password, security_types=EVERYTHING, **more))
    vencrypt = offered.get(VENCRYPT)
    assert vencrypt is None or isinstance(vencrypt, VeNCrypt)
    return list(offered), list(vencrypt.subtypes) if vencrypt else []


@pytest.mark.parametrize(
    ("password", "more", "outside", "inside"),
    [
        (None, {}, [NONE, TIGHT], []),
        (b"x", {}, [VNC, TIGHT], []),
        (None, TLS, [NONE, TIGHT, VENCRYPT], [X509_NONE, NONE]),
        (b"x", TLS, [VNC, TIGHT, VENCRYPT], [X509_VNC, VNC]),
        (None, USERS, [], []),
        (b"x", USERS, [VNC, TIGHT], []),
        (None, TLS | USERS, [VENCRYPT], [X509_PLAIN]),
        (b"x", TLS | USERS, [VNC, TIGHT, VENCRYPT], [X509_PLAIN, X509_VNC, VNC]),
        (None, SECRET, [NONE, TIGHT], []),
        (None, SECRET | USERS, [VENCRYPT], [PLAIN]),
        (b"x", SECRET | USERS | TLS, [VNC, TIGHT, VENCRYPT], [PLAIN, VNC]),
        (None, MUST, [], []),
        (b"x", MUST | USERS, [], []),
        (None, MUST | TLS, [VENCRYPT], [X509_NONE]),
        (b"x", MUST | TLS | USERS, [VENCRYPT], [X509_PLAIN, X509_VNC]),
        (b"x", MUST | SECRET, [VNC, TIGHT], []),
    ],
)
def test_what_is_set_decides_what_is_offered(password, more, outside, inside):
    assert offer(password, **more) == (outside, inside)


@pytest.mark.parametrize("more", [MUST, MUST | USERS, USERS])
def test_who_may_not_send_in_clear_is_told_why_there_is_nothing(more):
    assert offered_exchanges(settings(security_types=EVERYTHING, **more)) == {}
    assert why_nothing(settings(**more)) == (WANTS_ENCRYPTION if "must_encrypt" in more else WANTS_USER)


def test_a_password_that_nobody_can_give_is_no_question_of_encryption():
    assert why_nothing(settings(b"")) == NOTHING


def test_what_is_not_wanted_is_not_offered():
    assert list(offered_exchanges(settings(security_types=(NONE,), **TLS))) == [NONE]
    assert list(offered_exchanges(settings(security_types=(X509_NONE,), **TLS))) == [VENCRYPT]
    assert list(offered_exchanges(settings(security_types=(NONE, TIGHT)))) == [NONE, TIGHT]


def test_vencrypt_stands_where_its_first_subtype_does():
    types = (X509_VNC, VNC, TIGHT, X509_PLAIN)
    offered = offered_exchanges(settings(b"x", security_types=types, **TLS, **USERS))
    assert list(offered) == [VENCRYPT, VNC, TIGHT]
    assert list(offered[VENCRYPT].subtypes) == [X509_VNC, X509_PLAIN, VNC]


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

"""How long a client may take: from what it began last, and no longer because it says a little now and then."""

from __future__ import annotations

import math

import pytest

from mpvnc.rfb.state import State
from mpvnc.session.deadlines import Deadlines
from mpvnc.session.settings import SessionSettings

SETTINGS = SessionSettings(handshake_s=10.0, authentication_s=60.0, message_s=30.0)


@pytest.fixture
def one() -> Deadlines:
    return Deadlines(SETTINGS, 100.0)


def test_a_handshake_has_its_time_from_the_beginning(one: Deadlines) -> None:
    assert one.next(State.PROTOCOL_VERSION) == (110.0, "handshake")
    assert one.next(State.AUTHENTICATION) == one.next(State.VERDICT) == (160.0, "authentication")
    one.authenticated(120.0)
    assert one.next(State.CLIENT_INIT) == (130.0, "handshake")


def test_tls_has_a_time_of_its_own_and_somebody_may_read_the_certificate(one: Deadlines) -> None:
    one.began_tls(105.0)
    assert one.next(State.ENCRYPTION) == (115.0, "the TLS handshake")
    assert one.next(State.CLIENT_INIT) == (160.0, "authentication")


def test_the_rest_of_a_message_is_due_from_its_beginning(one: Deadlines) -> None:
    assert one.next(State.NORMAL)[0] == math.inf
    for now in (200.0, 210.0):
        one.received(now, has_partial=True, has_whole=False)
        assert one.next(State.NORMAL) == (230.0, "the rest of a message")
    one.received(215.0, has_partial=True, has_whole=True)
    assert one.next(State.NORMAL)[0] == 245.0, "another message has begun"
    one.received(216.0, has_partial=False, has_whole=True)
    assert one.next(State.NORMAL)[0] == math.inf

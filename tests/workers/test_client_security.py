"""A worker's client that becomes encrypted in the middle, and one that gives a user's name."""

from __future__ import annotations

import contextlib
import os
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mpvnc.constants import VeNCryptSubtype
from mpvnc.rfb.offer import HandshakeSettings
from mpvnc.rfb.security.users import Cost, make_user
from mpvnc.session.input import ClientJoined
from mpvnc.transport.tls import TlsPipe, server_context
from mpvnc.workers.verifier import Verifier
from tests.support.tls import TlsPeer, client_context, make_pem
from tests.workers.test_client import CHALLENGE, Rig

PEM = make_pem()
X509_NONE, X509_PLAIN, PLAIN = VeNCryptSubtype.X509_NONE, VeNCryptSubtype.X509_PLAIN, VeNCryptSubtype.PLAIN
USERS = {
    "alice": make_user("a", "control", bytes(16), Cost(2, 1, 1)),
    "bob": make_user("b", "view", bytes(16), Cost(2, 1, 1)),
}
OK, FAILED = bytes(4), b"\0\0\0\1"
KEY = bytes([4, 1, 0, 0, 0, 0, 0, 0x61])


def credentials(user: bytes, password: bytes) -> bytes:
    return struct.pack(">II", len(user), len(password)) + user + password


class SecureRig(Rig):
    """`talk` gives the viewer's words to TLS as soon as it has begun."""

    def __init__(self, directory: Path, subtype: int, **more: float) -> None:
        self.subtype = subtype
        is_encrypted = subtype == PLAIN
        handshake = HandshakeSettings(
            (subtype,), None, None, False, CHALLENGE,
            has_users=subtype != X509_NONE, can_encrypt=not is_encrypted, is_encrypted=is_encrypted,
        )  # fmt: skip
        super().__init__(handshake=handshake, **more)
        file = directory / "pem"
        file.write_bytes(PEM)
        self.host.tls = server_context(str(file))
        self.host.verifier = Verifier(self.loop)
        self.host.verifier.users = USERS
        self.tls: TlsPeer | None = None
        self.client.start()

    def choose(self) -> None:
        self.say(b"RFB 003.008\n\x13\0\2" + struct.pack(">I", self.subtype))
        end = struct.pack(">BBI", 0, 1, self.subtype) + (b"" if self.subtype == PLAIN else b"\1")
        self.run(lambda: self.received.endswith(end))
        self.received.clear()
        if self.subtype != PLAIN:
            self.tls = TlsPeer(client_context(PEM))

    def talk(self, said: bytes, condition: Callable[[], object]) -> None:
        """Say something and run until the condition holds; `heard` has what came."""
        if self.tls is None:
            self.say(said)
            self.run(condition)
            return
        is_said = False

        def done() -> object:
            nonlocal is_said
            assert self.tls is not None
            self.tls.feed(self.fetch()) if self.received else self.tls.go_on()
            if self.tls.is_established and not is_said:
                self.tls.tls.write(said) if said else None
                is_said = True
            with contextlib.suppress(BlockingIOError):
                self.peer.send(self.tls.take() or b"")
            return is_said and condition()

        self.run(done)

    def fetch(self) -> bytes:
        data = bytes(self.received)
        self.received.clear()
        return data

    @property
    def heard(self) -> bytes:
        return bytes(self.tls.received if self.tls else self.received)


Make = Callable[..., SecureRig]


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[Make]:
    made: list[SecureRig] = []

    def make(subtype: int, **more: float) -> SecureRig:
        made.append(SecureRig(tmp_path, subtype, **more))
        return made[-1]

    yield make
    for rig in made:
        rig.host.verifier.close()
        rig.close()


def test_a_client_becomes_encrypted_and_is_served(secure: Make) -> None:
    rig = secure(X509_NONE)
    rig.choose()
    rig.talk(b"\1", lambda: rig.host.joins and rig.heard.endswith(b"desk"))
    assert rig.heard.startswith(OK)
    assert isinstance(rig.client.pipe, TlsPipe)
    assert rig.client.pipe.received_bytes == 12 + 1 + 2 + 4 + 1, "what is said, not what it takes"
    picture = os.urandom(200_000)
    rig.host.deliveries = [[picture]]
    before = len(rig.heard)
    rig.talk(b"\3\1" + struct.pack(">4H", 0, 0, 64, 48), lambda: len(rig.heard) - before >= len(picture))
    assert rig.heard[before:] == picture


@pytest.mark.parametrize("subtype", [X509_PLAIN, PLAIN])
@pytest.mark.parametrize(("user", "password", "view_only"), [(b"alice", b"a", False), (b"bob", b"b", True)])
def test_users_come_in_by_their_role(
    secure: Make, subtype: int, user: bytes, password: bytes, view_only: bool
) -> None:
    rig = secure(subtype)
    rig.choose()
    rig.talk(credentials(user, password) + b"\1" + KEY, lambda: rig.heard.endswith(b"desk"))
    assert rig.client.user == user.decode()
    assert rig.client.session.view_only == view_only
    rig.run(lambda: len(rig.host.bus) == (1 if view_only else 2))
    assert isinstance(rig.host.bus[0], ClientJoined)


@pytest.mark.parametrize(
    "who", [credentials(b"alice", b"b"), credentials(b"carol", b"a"), credentials(b"", b"")]
)
def test_a_wrong_user_is_refused_in_words(secure: Make, who: bytes) -> None:
    rig = secure(X509_PLAIN)
    rig.choose()
    rig.talk(who, lambda: rig.tls and rig.tls.has_ended)
    assert rig.heard[:4] == FAILED
    assert rig.heard[8:] == b"Authentication failed"
    assert rig.host.guesses == 1
    assert not rig.host.joins


def test_credentials_wait_for_their_turn(secure: Make) -> None:
    """They may come in one packet with the choice of the type: no challenge holds them back."""
    begin = time.monotonic()
    rig = secure(PLAIN, judge_after_s=0.2)
    looked_up: list[str] = []
    verify = rig.host.verifier.verify
    rig.host.verifier.verify = lambda *asked: looked_up.append(asked[0]) or verify(*asked)  # type: ignore[method-assign]
    rig.say(b"RFB 003.008\n\x13\0\2" + struct.pack(">I", PLAIN) + credentials(b"alice", b"a") + b"\1")
    rig.run(lambda: looked_up)
    assert time.monotonic() - begin >= 0.2
    rig.run(lambda: rig.host.joins)


def test_a_handshake_that_does_not_end_is_given_up(secure: Make) -> None:
    rig = secure(X509_NONE, handshake_s=0.2)
    rig.choose()
    rig.run(lambda: rig.host.reasons)
    assert rig.host.reasons == ["timed out waiting for the TLS handshake"]


def test_who_speaks_no_tls_costs_itself(secure: Make) -> None:
    rig = secure(X509_NONE)
    rig.choose()
    rig.say(b"GET / HTTP/1.0\r\n\r\n")
    rig.run(lambda: rig.host.reasons)
    assert rig.host.reasons == ["TLS handshake failed: it speaks HTTP without TLS"]


def test_no_certificate_any_more(secure: Make) -> None:
    rig = secure(X509_NONE)
    rig.host.tls = None
    rig.say(b"RFB 003.008\n\x13\0\2" + struct.pack(">I", X509_NONE))
    rig.run(lambda: rig.host.reasons)
    assert rig.host.reasons == ["TLS cannot begin here"]

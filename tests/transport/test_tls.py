"""The TLS pipe against a TLS client of the standard library, over a socket pair."""

from __future__ import annotations

import contextlib
import random
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpvnc.transport.plain import Pipe
from mpvnc.transport.tls import TlsPipe, _pieces, server_context
from tests.support.tls import TlsPeer, client_context, make_pem

PEM = make_pem()
SCRATCH = bytearray(4096)


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    file = tmp_path_factory.mktemp("tls") / "pem"
    file.write_bytes(PEM)
    return server_context(str(file))


class Rig:
    """A pipe and its peer; `turn` moves what is on its way, at most `at_once` bytes in each direction."""

    def __init__(self, context: ssl.SSLContext, client: ssl.SSLContext, at_once: int = 1 << 20) -> None:
        ours, self.theirs = socket.socketpair()
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
        self.theirs.setblocking(False)
        self.pipe = TlsPipe(ours, context)
        self.peer = TlsPeer(client)
        self.at_once = at_once
        self._unsent = b""

    def turn(self) -> None:
        self.peer.go_on()
        self._unsent += self.peer.take()
        done = self.theirs.send(self._unsent[: self.at_once]) if self._unsent else 0
        self._unsent = self._unsent[done:]
        with contextlib.suppress(BlockingIOError):
            self.peer.feed(self.theirs.recv(self.at_once))

    def until(self, condition: Callable[[], object], turns: int = 20_000) -> None:
        for _ in range(turns):
            if condition():
                return
            self.turn()
        raise AssertionError("it never came")

    def shake_hands(self) -> None:
        self.until(lambda: self.pipe.shake_hands() and self.peer.is_established)

    def close(self) -> None:
        self.pipe.close()
        self.theirs.close()


@pytest.fixture
def rig(context: ssl.SSLContext) -> Iterator[Rig]:
    made = Rig(context, client_context(PEM))
    yield made
    made.close()


def receive(pipe: TlsPipe, scratch: bytearray = SCRATCH) -> bytes | None:
    count = pipe.receive_into(scratch)
    return None if count is None else bytes(scratch[:count])


@pytest.mark.parametrize("at_once", [1, 7, 1 << 20])
def test_the_handshake_comes_in_pieces(context: ssl.SSLContext, at_once: int) -> None:
    rig = Rig(context, client_context(PEM), at_once)
    rig.shake_hands()
    assert rig.pipe.is_established and not rig.pipe.is_blocked
    rig.close()


def test_what_was_sent_before_the_handshake_follows_it(rig: Rig) -> None:
    rig.pipe.send([b"early ", b"", b"words"])
    assert not rig.pipe.is_blocked, "it waits for the peer, not for room"
    rig.shake_hands()
    rig.until(lambda: rig.peer.received == b"early words")
    assert rig.pipe.sent_bytes == 11


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_versions(context: ssl.SSLContext, version: ssl.TLSVersion) -> None:
    client = client_context(PEM)
    client.minimum_version = client.maximum_version = version
    rig = Rig(context, client)
    rig.shake_hands()
    rig.pipe.send([b"x"])
    rig.until(lambda: rig.peer.received == b"x")
    rig.close()


def test_what_is_written_arrives_whatever_the_cut(rig: Rig) -> None:
    rig.shake_hands()
    source = random.Random(1)
    sizes = [0, 1, 10, 5000, 16383, 16384, 16385, 200_000, 0, 3, 70_000, 70_000, 12]
    buffers = [source.randbytes(size) for size in sizes]
    rig.pipe.send([*buffers[:4], memoryview(buffers[4])])
    for buffer in buffers[5:]:
        rig.pipe.send([buffer])
    assert rig.pipe.is_blocked
    wanted = b"".join(buffers)

    def done() -> bool:
        rig.pipe.flush()
        return len(rig.peer.received) == len(wanted)

    rig.until(done)
    assert rig.peer.received == wanted
    assert not rig.pipe.is_blocked
    assert rig.pipe.sent_bytes == len(wanted)


def test_many_small_buffers_arrive_though_the_socket_is_full(rig: Rig) -> None:
    rig.shake_hands()
    source = random.Random(2)
    buffers = [source.randbytes(100) for _ in range(3000)]
    for _ in range(3):
        rig.pipe.send(buffers)
    assert rig.pipe.is_blocked

    def is_through() -> bool:
        rig.pipe.flush()
        return not rig.pipe.is_blocked and len(rig.peer.received) == 900_000

    rig.until(is_through)
    assert rig.peer.received == b"".join(buffers) * 3


def test_what_openssl_has_seen_is_offered_again_though_more_was_sent_meanwhile(rig: Rig) -> None:
    rig.shake_hands()
    rig.pipe.send([b"a" * 300_000])
    assert rig.pipe.is_blocked
    for _ in range(50):
        rig.pipe.send([b"b"])
        rig.pipe.flush()

    def done() -> bool:
        rig.pipe.flush()
        return len(rig.peer.received) == 300_050

    rig.until(done)
    assert rig.peer.received == b"a" * 300_000 + b"b" * 50


def test_progress_is_seen_while_a_large_buffer_goes_out(rig: Rig) -> None:
    rig.shake_hands()
    rig.pipe.send([bytes(1_000_000)])
    seen = set()

    def done() -> bool:
        rig.pipe.flush()
        seen.add(rig.pipe.sent_bytes)
        return not rig.pipe.is_blocked

    rig.until(done)
    assert len(seen) > 10


def test_a_record_larger_than_the_scratch_is_pending(rig: Rig) -> None:
    rig.shake_hands()
    rig.peer.tls.write(bytes(range(256)) * 40)
    rig.turn()
    got = b""
    small = bytearray(1000)
    while (data := receive(rig.pipe, small)) is not None:
        got += data
        assert rig.pipe.has_pending == (len(got) < 10_240)
    assert got == bytes(range(256)) * 40
    assert rig.pipe.received_bytes == 10_240


def test_a_record_that_just_fits_is_not(rig: Rig) -> None:
    rig.shake_hands()
    rig.peer.tls.write(bytes(1000))
    rig.turn()
    assert receive(rig.pipe, bytearray(1000)) == bytes(1000)
    assert not rig.pipe.has_pending
    assert receive(rig.pipe) is None


def test_the_end_is_said(rig: Rig) -> None:
    rig.shake_hands()
    rig.pipe.close()
    rig.until(lambda: rig.peer.has_ended)


@pytest.mark.parametrize("says_goodbye", [True, False])
def test_the_peers_end_is_seen(rig: Rig, says_goodbye: bool) -> None:
    rig.shake_hands()
    if says_goodbye:
        with pytest.raises(ssl.SSLWantReadError):
            rig.peer.tls.unwrap()
        rig.turn()
    rig.theirs.close()
    assert receive(rig.pipe) == b""


def test_a_pipe_becomes_tls_where_it_is(context: ssl.SSLContext) -> None:
    ours, theirs = socket.socketpair()
    plain = Pipe(ours)
    plain.send([b"1"])
    fd = plain.fileno()
    pipe = TlsPipe.over(plain, context)
    assert (pipe.fileno(), pipe.sent_bytes) == (fd, 1)
    assert theirs.recv(9) == b"1"
    pipe.close()
    theirs.close()


def test_it_gives_a_silent_peer_as_long_as_before(context: ssl.SSLContext) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        theirs = socket.create_connection(listener.getsockname())
        pipe = TlsPipe.over(Pipe(listener.accept()[0], 77.0), context)
        timeout_ms = pipe.detach().getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
        pipe.close()
        theirs.close()
    assert timeout_ms == 77_000


def test_not_before_everything_is_sent(context: ssl.SSLContext) -> None:
    ours, theirs = socket.socketpair()
    plain = Pipe(ours)
    plain.send([bytes(10_000_000)])
    with pytest.raises(OSError, match="does not read"):
        TlsPipe.over(plain, context)
    plain.close()
    theirs.close()


# errors, in words


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "speaks HTTP without TLS"),
        (b"RFB 003.008\n\1\1", "does not speak TLS"),
        (bytes(64), "TLS handshake failed"),
        (b"", "hung up"),
    ],
)
def test_who_does_not_speak_tls(rig: Rig, said: bytes, words: str) -> None:
    rig.theirs.send(said)
    if not said:
        rig.theirs.close()
    with pytest.raises(OSError) as error:
        rig.pipe.shake_hands()
    assert words in str(error.value.strerror)


def test_old_versions_are_refused_in_words(context: ssl.SSLContext) -> None:
    client = client_context(PEM)
    with pytest.warns(DeprecationWarning):
        client.minimum_version = ssl.TLSVersion.TLSv1
        client.maximum_version = ssl.TLSVersion.TLSv1_1
    client.set_ciphers("ALL:@SECLEVEL=0")
    rig = Rig(context, client)
    rig.turn()
    with pytest.raises(OSError, match=r"does not know TLS 1\.2"):
        rig.pipe.shake_hands()
    rig.close()


def test_a_peer_that_does_not_trust_us(context: ssl.SSLContext) -> None:
    rig = Rig(context, client_context(make_pem()))
    with pytest.raises(ssl.SSLCertVerificationError):
        rig.until(lambda: rig.pipe.shake_hands() and False)
    with pytest.raises(OSError, match=r"does not (trust|accept)"):
        for _ in range(3):
            rig.theirs.send(rig.peer.take())
            rig.pipe.shake_hands()
            receive(rig.pipe)
    rig.close()


def test_broken_records_end_it(rig: Rig) -> None:
    rig.shake_hands()
    rig.theirs.send(b"\x17\x03\x03\x00\x20" + bytes(32))
    with pytest.raises(OSError, match="TLS failed"):
        receive(rig.pipe)


def test_a_vanished_peer_is_an_error_and_closing_is_not(rig: Rig) -> None:
    rig.shake_hands()
    rig.theirs.close()
    with pytest.raises(OSError):
        rig.pipe.send([b"x"])
        rig.pipe.send([b"y"])
    rig.pipe.discard_input()
    rig.pipe.close()


def test_an_encrypted_key_is_refused(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives import serialization as ser

    key = ser.load_pem_private_key(PEM, None)
    secret = ser.BestAvailableEncryption(b"x")
    locked = key.private_bytes(ser.Encoding.PEM, ser.PrivateFormat.PKCS8, secret)
    file = tmp_path / "pem"
    file.write_bytes(locked + PEM[PEM.index(b"-----BEGIN CERT") :])
    with pytest.raises(OSError, match="encrypted"):
        server_context(str(file))


# pieces


@given(sizes=st.lists(st.integers(0, 100_000), max_size=6), held=st.integers(0, 70_000))
def test_pieces_are_the_parts_in_their_order(sizes: list[int], held: int) -> None:
    parts = [bytes([number]) * size for number, size in enumerate(sizes)]
    whole = b"".join(parts)
    front = whole[:held]
    pieces = list(_pieces(parts, front))
    assert b"".join(map(bytes, pieces)) == whole
    assert all(pieces), "OpenSSL takes nothing for the end"
    assert not front or pieces[0] is front


def test_large_buffers_are_not_copied_and_small_ones_joined() -> None:
    header, body, footer = b"h" * 10, bytes(500_000), b"f" * 9
    pieces = list(_pieces([header, body, footer], b""))
    assert len(pieces[0]) == 16384, "one record, not one of ten bytes"
    views = [piece for piece in pieces[1:-1] if isinstance(piece, memoryview) and piece.obj is body]
    assert sum(map(len, views)) == 500_000 - 16384 + 10
    assert pieces[-1] == footer
    assert len(list(_pieces([b"a"] * 30, b""))) == 1

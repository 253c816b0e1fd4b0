"""Certificates for tests, and the other end of a TLS connection by the standard library."""

from __future__ import annotations

import datetime
import ssl
from pathlib import Path

from mpvnc.supervisor import selfsigned


def make_pem(*names: str) -> bytes:
    """Return a new key with a certificate of its own for these names, localhost if there are none."""
    return selfsigned.make(names or ("localhost",), datetime.datetime.now(datetime.UTC))


def split(pem: bytes) -> tuple[bytes, bytes]:
    """Return certificate and key of `make_pem`."""
    key, mark, certificate = pem.partition(b"-----BEGIN CERTIFICATE-----")
    return mark + certificate, key


def write_pair(directory: Path, pem: bytes, name: str = "server") -> tuple[Path, Path]:
    """Write certificate and key into files; return their paths."""
    paths = directory / f"{name}.crt", directory / f"{name}.key"
    for path, data in zip(paths, split(pem), strict=True):
        path.write_bytes(data)
        path.chmod(0o600)
    return paths


def client_context(pem: bytes | None = None) -> ssl.SSLContext:
    """Return a client's context that trusts the certificate in `pem` alone, or everybody."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if pem is None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    else:
        context.load_verify_locations(cadata=split(pem)[0].decode())
    return context


class TlsPeer:
    """A TLS client without a socket: bytes in, bytes out."""

    def __init__(self, context: ssl.SSLContext, name: str = "localhost") -> None:
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname=name)
        self.is_established = False
        self.received = bytearray()
        self.has_ended = False

    def feed(self, data: bytes) -> None:
        """Take what came from the server, b"" for the end. Raises: ssl.SSLError."""
        if data:
            self.incoming.write(data)
        else:
            self.incoming.write_eof()
        self.go_on()

    def go_on(self) -> None:
        """Go as far as the bytes that are there allow."""
        try:
            if not self.is_established:
                self.tls.do_handshake()
                self.is_established = True
            while chunk := self.tls.read(1 << 16):
                self.received += chunk
            self.has_ended = True
        except ssl.SSLWantReadError:
            return

    def take(self) -> bytes:
        """Return what is to be sent to the server."""
        return self.outgoing.read()

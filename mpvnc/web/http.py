"""One HTTP/1.1 connection without I/O (RFC 9110, RFC 9112), by the h11 package.

It turns bytes into requests and responses into bytes, one request at a time, and says when the connection is
to be closed. Bodies of requests are not wanted by anything here: a request with one is answered, and then the
connection ends. What a path means is no business of this module.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote

import h11

from mpvnc.errors import MpvncError

Headers = Sequence[tuple[str, str]]
READABLE = ("GET", "HEAD")

SECURITY_HEADERS = (
    (
        "Content-Security-Policy",
        "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'self'",
    ),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)
"""What every answer says: nothing from elsewhere is loaded, nothing here is embedded elsewhere.

noVNC shows JPEG and PNG rectangles, and pointers, by `data:` addresses.
"""
ISOLATION = (("Cross-Origin-Opener-Policy", "same-origin"),)
"""What is said besides where it is encrypted: elsewhere browsers do not obey it, and complain."""


class BadRequest(MpvncError):
    """What came is no request, or one beyond the limits; `status` is the answer, then the connection ends."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Request(NamedTuple):
    """A request without its body.

    Attributes:
        path: without query, percent-decoded: to be looked up, never to be joined to a directory.
        headers: names in lower case, in the order in which they came.
        version: "1.0" or "1.1".
        query: what stands behind the question mark, as it came.
    """

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    version: str = "1.1"
    query: str = ""

    def values(self, name: str) -> list[str]:
        """Return the values of a header, whose name is in lower case."""
        return [value for known, value in self.headers if known == name]

    def parameter(self, name: str) -> str:
        """Return a parameter of the query, the first of that name; "" without one."""
        return dict(reversed(parse_qsl(self.query))).get(name, "")

    def header(self, name: str) -> str:
        """Return the header's value, several joined by commas (RFC 9110 section 5.3); "" without one."""
        return ", ".join(self.values(name))

    @property
    def wants_websocket(self) -> bool:
        """Whether it asks for a WebSocket, in whatever version (RFC 6455 section 4.2.1)."""
        return "websocket" in map(str.lower, _words(self.header("upgrade")))


class Response(NamedTuple):
    """An answer; Content-Length, Date and the security headers are added when it is sent."""

    status: int
    headers: Headers = ()
    body: bytes = b""


def text(status: int, words: str, headers: Headers = ()) -> Response:
    """Return a short answer in plain words."""
    return Response(status, (("Content-Type", "text/plain; charset=utf-8"), *headers), f"{words}\n".encode())


class HttpConnection:
    """The server's side of one connection.

    Args:
        max_request_bytes: of a request line with its headers; more is BadRequest with status 431.
        is_encrypted: whether it is https for the browser.
    """

    def __init__(self, max_request_bytes: int, *, is_encrypted: bool = False) -> None:
        self._h11 = h11.Connection(h11.SERVER, max_incomplete_event_size=max_request_bytes)
        self._max_request_bytes = max_request_bytes
        self._promises = SECURITY_HEADERS + (ISOLATION if is_encrypted else ())
        self._method = "GET"
        self.is_over = False
        """Whether the connection is to be closed as soon as everything is sent."""

    @property
    def held_bytes(self) -> int:
        """How much has come of requests that are not whole, or not asked for yet."""
        return len(self._h11.trailing_data[0])

    def receive_data(self, data: bytes) -> None:
        """Take what came; then ask for `next_request`."""
        self._h11.receive_data(data)

    def next_request(self) -> Request | None:
        """Return the next request if it is whole. One has to be answered before the next one is asked for.

        Raises: BadRequest; answer it with `respond`.
        """
        held = self.held_bytes
        self._method = "GET"
        try:
            event = self._h11.next_event()
        except h11.RemoteProtocolError as error:
            raise BadRequest(error.error_status_hint, str(error)) from error
        if not isinstance(event, h11.Request):
            return None
        self._method = event.method.decode("ascii")
        if held - self.held_bytes > self._max_request_bytes:
            raise BadRequest(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "The request is too large")
        host, path, query = _target(event.target.decode("ascii"))
        headers = [(name.decode("ascii"), value.decode("latin-1")) for name, value in event.headers]
        if host is not None:
            headers = [("host", host), *(each for each in headers if each[0] != "host")]
        return Request(self._method, unquote(path), tuple(headers), event.http_version.decode("ascii"), query)

    def respond(self, response: Response, date: str, *, is_last: bool = False) -> list[bytes]:
        """Return the bytes of an answer: the body by reference. `is_over` may be true afterwards.

        Args:
            date: the time as RFC 9110 section 5.6.7 has it.
            is_last: the connection ends with it.
        """
        has_body = response.status >= 200 and response.status != HTTPStatus.NOT_MODIFIED
        headers = [*response.headers, ("Date", date), *self._promises]
        if has_body:
            headers.append(("Content-Length", str(len(response.body))))
        if is_last or not self._has_ended():
            headers.append(("Connection", "close"))
        reason = HTTPStatus(response.status).phrase.encode()
        head = h11.Response(status_code=response.status, headers=headers, reason=reason)
        sent: list[bytes] = [self._h11.send(head) or b""]
        if has_body and response.body and self._method != "HEAD":
            sent += self._h11.send_with_data_passthrough(h11.Data(data=response.body)) or ()
        self._finish()
        return sent

    def switch(self, headers: Headers) -> bytes:
        """Return the answer 101; what comes from now on is another protocol's, `take_rest` what has come."""
        reply = h11.InformationalResponse(
            status_code=101, headers=list(headers), reason=b"Switching Protocols"
        )
        self._has_ended()
        return self._h11.send(reply) or b""

    def take_rest(self) -> bytes:
        """Return what came behind the request that switched."""
        return self._h11.trailing_data[0]

    def _has_ended(self) -> bool:
        """Whether the request that is being answered has been read to its end; a body that is none has no end."""
        if self._h11.their_state is h11.SEND_BODY:
            with contextlib.suppress(h11.RemoteProtocolError):
                self._h11.next_event()
        return self._h11.their_state not in (h11.SEND_BODY, h11.ERROR)

    def _finish(self) -> None:
        self._h11.send(h11.EndOfMessage())
        if self._h11.our_state is h11.DONE and self._h11.their_state is h11.DONE:
            self._h11.start_next_cycle()
        else:
            self.is_over = True


def _target(target: str) -> tuple[str | None, str, str]:
    """Return host, path and query of a request's target.

    A whole URL, as a proxy may send it, counts for more than the Host header (RFC 9112 section 3.2.2); None where
    there is none.
    """
    host = None
    scheme, separator, rest = target.partition("://")
    if separator and scheme.lower() in ("http", "https"):
        end = min(at for at in (rest.find("/"), rest.find("?"), len(rest)) if at >= 0)
        host, target = rest[:end], rest[end:]
    path, _, query = target.partition("?")
    return host, path or "/", query


def _words(header: str) -> list[str]:
    """Return the elements of a header that is a list (RFC 9110 section 5.6.1)."""
    return [word for word in (part.strip() for part in header.split(",")) if word]

"""HTTP without sockets: any cut of the bytes gives the same requests, and nothing is taken without limit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpvnc.web.http import BadRequest, HttpConnection, Request, Response, text

DATE = "Sat, 21 Nov 2026 00:00:00 GMT"
GET = b"GET /a%20b/?q=1 HTTP/1.1\r\nHost: desk:5900\r\nAccept: a\r\nAccept: b\r\n\r\n"


def connection(limit: int = 4096) -> HttpConnection:
    return HttpConnection(limit)


def ask(http: HttpConnection, data: bytes) -> Request | None:
    http.receive_data(data)
    return http.next_request()


def respond(http: HttpConnection, response: Response, **options: bool) -> tuple[bytes, bytes]:
    """Return head and body of an answer."""
    head, _, body = b"".join(http.respond(response, DATE, **options)).partition(b"\r\n\r\n")
    return head, body


def test_a_request_is_read() -> None:
    request = ask(connection(), GET)
    assert request is not None
    assert (request.method, request.path, request.version) == ("GET", "/a b/", "1.1")
    assert request.header("host") == "desk:5900"
    assert (request.values("accept"), request.header("accept")) == (["a", "b"], "a, b")
    assert request.header("origin") == ""
    assert (request.parameter("q"), request.parameter("a")) == ("1", "")
    assert request._replace(query="a=%20b&a=c&&x").parameter("a") == " b"


@pytest.mark.parametrize(
    ("target", "host", "path", "query"),
    [
        (b"http://desk:81/a?q=http://b/", "desk:81", "/a", "q=http://b/"),
        (b"HTTPS://[::1]", "[::1]", "/", ""),
        (b"http://desk?q=1", "desk", "/", "q=1"),
        (b"/http://desk/", "here", "/http://desk/", ""),
        (b"*", "here", "*", ""),
        (b"ftp://desk/", "here", "ftp://desk/", ""),
    ],
)
def test_a_whole_url_counts_for_more_than_the_host(target: bytes, host: str, path: str, query: str) -> None:
    request = ask(connection(), b"GET " + target + b" HTTP/1.1\r\nHost: here\r\nAccept: a\r\n\r\n")
    assert request is not None
    assert (request.values("host"), request.path, request.query) == ([host], path, query)
    assert request.header("accept") == "a"


@given(st.lists(st.integers(1, 40), max_size=12))
def test_any_cut_gives_the_same_requests(cuts: list[int]) -> None:
    http, left, found = connection(), GET * 3, []
    for cut in [*cuts, len(left)]:
        piece, left = left[:cut], left[cut:]
        if piece:
            http.receive_data(piece)
        while (request := http.next_request()) is not None:
            found.append(request)
            respond(http, text(200, "yes"))
    assert [request.path for request in found] == ["/a b/"] * 3


def test_an_answer_names_its_size_and_what_holds_for_it() -> None:
    http = connection()
    ask(http, GET)
    body = b"x" * 3
    sent = http.respond(Response(200, (("Content-Type", "text/plain"),), body), DATE)
    assert sent[-1] is body
    head = sent[0]
    for line in (b"HTTP/1.1 200 OK", b"content-length: 3", b"date: Sat", b"x-content-type-options: nosniff"):
        assert line in head or line.title() in head or line in head.lower()
    policy = next(line for line in head.split(b"\r\n") if line.startswith(b"Content-Security-Policy"))
    assert b"default-src 'self'" in policy and b"unsafe" not in policy
    assert b"Opener" not in head
    assert not http.is_over


def test_what_browsers_obey_only_over_https_is_said_there() -> None:
    http = HttpConnection(4096, is_encrypted=True)
    ask(http, GET)
    head, _ = respond(http, text(200, "yes"))
    assert b"Cross-Origin-Opener-Policy: same-origin" in head


def test_head_gets_the_size_without_the_body() -> None:
    http = connection()
    ask(http, GET.replace(b"GET", b"HEAD"))
    head, body = respond(http, Response(200, (), b"abc"))
    assert b"Content-Length: 3" in head and body == b""
    assert ask(http, GET) is not None


def test_not_modified_has_no_body_and_no_length() -> None:
    http = connection()
    ask(http, GET)
    head, body = respond(http, Response(304, (("ETag", '"a"'),)))
    assert b"304" in head and b"ontent-Length" not in head and body == b""
    assert not http.is_over


def test_a_request_with_a_body_is_the_last_one() -> None:
    http = connection()
    assert ask(http, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc") is not None
    head, _ = respond(http, text(405, "no"))
    assert b"Connection: close" in head
    assert http.is_over


@pytest.mark.parametrize(("old", "new"), [(b"1.1", b"1.0"), (b"Accept: a", b"Connection: close")])
def test_who_wants_one_answer_gets_one(old: bytes, new: bytes) -> None:
    http = connection()
    ask(http, GET.replace(old, new))
    respond(http, text(200, "yes"))
    assert http.is_over


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"NONSENSE\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nBad Name: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 5000, 431),
        (b"GET /" + b"y" * 5000, 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 5000 + b"\r\n\r\n", 431),
    ],
    ids=[
        "no host",
        "no request",
        "two hosts",
        "no header",
        "large header",
        "long line",
        "whole large header",
    ],
)
def test_what_is_no_request_is_told_so(data: bytes, status: int) -> None:
    http = connection()
    http.receive_data(data)
    with pytest.raises(BadRequest) as caught:
        http.next_request()
    assert caught.value.status == status
    head, _ = respond(http, text(caught.value.status, str(caught.value)), is_last=True)
    assert head.startswith(b"HTTP/1.1 %d " % status) and http.is_over


def test_what_follows_a_head_and_is_no_request_is_told_so() -> None:
    http = connection()
    ask(http, GET.replace(b"GET", b"HEAD"))
    respond(http, text(200, "yes"))
    with pytest.raises(BadRequest):
        ask(http, b"NONSENSE\r\n\r\n")
    head, body = respond(http, text(400, "no"), is_last=True)
    assert head.startswith(b"HTTP/1.1 400") and body == b"no\n" and http.is_over


@given(st.binary(min_size=1, max_size=200))
def test_rubbish_raises_nothing_else(data: bytes) -> None:
    http = connection(128)
    http.receive_data(data)
    try:
        request = http.next_request()
    except BadRequest:
        return
    assert request is None or request.method


def test_another_protocol_begins_behind_the_answer() -> None:
    http = connection()
    asked = GET.replace(b"\r\n\r\n", b"\r\nUpgrade: h2c, WebSocket\r\nConnection: upgrade\r\n\r\n")
    request = ask(http, asked + b"\x82\x80")
    assert request is not None and request.wants_websocket
    assert http.switch((("Upgrade", "websocket"),)).startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
    assert http.take_rest() == b"\x82\x80"


@pytest.mark.parametrize("is_websocket", [False, True])
def test_a_body_that_is_none_costs_the_connection_alone(is_websocket: bool) -> None:
    http = connection()
    assert (
        ask(http, b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nno size\r\n") is not None
    )
    head, _ = respond(http, text(200, "yes"), is_last=is_websocket)
    assert head.startswith(b"HTTP/1.1 200") and b"Connection: close" in head
    assert http.is_over

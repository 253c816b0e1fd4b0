from __future__ import annotations

import gzip

import pytest

from mpvnc.web.files import StaticFiles, accepts_gzip, matches
from mpvnc.web.http import Request, Response

SCRIPT = b"export const a = 1;\n" * 50
FILES = StaticFiles(
    {"index.html": b"<p>hi", "app.js": SCRIPT, "novnc/index.html": b"<p>in", "icon.png": b"\x89PNG" * 99}
)


def get(path: str, **headers: str) -> Response:
    fields = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    found = FILES.find(Request("GET", path, fields))
    assert found is not None
    return found


def field(response: Response, name: str) -> str | None:
    return dict(response.headers).get(name)


@pytest.mark.parametrize(
    ("path", "body", "kind"),
    [
        ("/", b"<p>hi", "text/html; charset=utf-8"),
        ("/index.html", b"<p>hi", "text/html; charset=utf-8"),
        ("/app.js", SCRIPT, "text/javascript; charset=utf-8"),
        ("/novnc/", b"<p>in", "text/html; charset=utf-8"),
        ("/icon.png", b"\x89PNG" * 99, "image/png"),
    ],
)
def test_files_are_found_with_their_type(path: str, body: bytes, kind: str) -> None:
    found = get(path)
    assert (found.status, found.body, field(found, "Content-Type")) == (200, body, kind)


@pytest.mark.parametrize(
    "path", ["/nope", "/app.js/", "//app.js", "/../index.html", "/novnc", "app.js", "/APP.JS", ""]
)
def test_what_is_not_in_the_table_does_not_exist(path: str) -> None:
    assert FILES.find(Request("GET", path, ())) is None


def test_who_takes_gzip_gets_it_made_once() -> None:
    first, second = get("/app.js", accept_encoding="br, gzip"), get("/app.js", accept_encoding="gzip;q=0.5")
    assert gzip.decompress(first.body) == SCRIPT and len(first.body) < len(SCRIPT)
    assert field(first, "Content-Encoding") == "gzip" and field(first, "Vary") == "Accept-Encoding"
    assert first.body is second.body
    for path in ("/icon.png", "/"):  # nothing to gain
        assert field(get(path, accept_encoding="gzip"), "Content-Encoding") is None


def test_what_the_browser_has_is_not_sent_again() -> None:
    for headers in ({}, {"accept_encoding": "gzip"}):
        tag = field(get("/app.js", **headers), "ETag")
        assert tag is not None
        again = get("/app.js", if_none_match=f'"x", W/{tag}', **headers)
        assert (again.status, again.body, field(again, "ETag")) == (304, b"", tag)
        assert get("/app.js", if_none_match='"other"', **headers).status == 200
    assert field(get("/app.js"), "ETag") != field(get("/app.js", accept_encoding="gzip"), "ETag")


@pytest.mark.parametrize(
    ("said", "takes"),
    [("gzip", True), ("deflate, GZIP ; q=0.1", True), ("*", True), ("*;q=0", False), ("gzip;q=0", False),
     ("gzip; q=0.000, *", False), ("", False), ("br", False), ("gzip;q=1.0", True)],
)  # fmt: skip
def test_who_takes_gzip(said: str, takes: bool) -> None:
    assert accepts_gzip(said) is takes


def test_any_version_will_do_for_a_star() -> None:
    assert matches("*", '"a"')
    assert not matches("", '"a"')

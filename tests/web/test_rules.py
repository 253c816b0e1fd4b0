from __future__ import annotations

import pytest

from mpvnc.web.rules import is_host_allowed, is_origin, is_origin_allowed


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.0.0.1:5900", "192.0.2.7:80", "[::1]:5900", "[2001:db8::1]", "localhost", "LOCALHOST:5900",
     "localhost.", "desk.example", "Desk.Example.:5900"],
)  # fmt: skip
def test_hosts_that_nobody_else_can_point_here(host: str) -> None:
    assert is_host_allowed(host, ["desk.example"])


@pytest.mark.parametrize(
    "host",
    ["", "evil.example", "evil.example:5900", "127.0.0.1.evil.example", "localhost.evil.example", "a@localhost",
     "localhost/", "localhost:http", "[::1", "desk.example.org", "127.1", "0x7f000001", ":5900", "localhost?x"],
)  # fmt: skip
def test_hosts_that_somebody_may_have_pointed_here(host: str) -> None:
    assert not is_host_allowed(host, ["desk.example"])


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://127.0.0.1:5900", "127.0.0.1:5900"),
        ("http://desk.example", "desk.example"),
        ("http://desk.example:80", "desk.example"),
        ("https://desk.example", "desk.example:443"),
        ("https://DESK.example/", "desk.EXAMPLE"),
        ("http://[::1]:5900", "[::1]:5900"),
    ],
)
def test_our_own_page_may(origin: str, host: str) -> None:
    assert is_origin_allowed([origin], host, [])


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://evil.example", "127.0.0.1:5900"),
        ("http://127.0.0.1:8000", "127.0.0.1:5900"),
        ("http://desk.example", "desk.example:5900"),
        ("https://desk.example", "desk.example:80"),
        ("http://desk.example.evil", "desk.example"),
        ("null", "127.0.0.1:5900"),
        ("", ""),
        ("http://", ""),
        ("http://[::1", "[::1"),
        ("http://a@desk.example", "desk.example"),
        ("http://desk.example/path", "desk.example"),
    ],
)
def test_pages_from_elsewhere_may_not(origin: str, host: str) -> None:
    assert not is_origin_allowed([origin], host, [])


@pytest.mark.parametrize("origin", ["http://localhost:8000", "HTTP://LocalHost:8000/", "null"])
def test_pages_that_are_listed_may(origin: str) -> None:
    assert is_origin_allowed([origin], "127.0.0.1:5900", ["http://LOCALHOST:8000/", "null"])


def test_a_program_has_no_origin_and_may_and_nobody_has_two() -> None:
    assert is_origin_allowed([], "127.0.0.1:5900", [])
    same = "http://127.0.0.1:5900"
    assert not is_origin_allowed([same, same], "127.0.0.1:5900", [])


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("https://desk.example:8443/", True), ("HTTP://[::1]:80", True), ("app://desk", True), ("null", True),
        ("desk.example", False), ("desk.example:80", False), ("*", False), ("", False), ("://desk.example", False),
        ("https://desk.example/x", False), ("https://*.desk.example", False),
        ("https://desk.example:x", False), ("//desk.example", False),
    ],
)  # fmt: skip
def test_what_a_browser_can_send_as_origin(text: str, is_one: bool) -> None:
    assert is_origin(text) is is_one

from __future__ import annotations

import base64

import pytest

from mpvnc.web.authorization import Credentials, challenge, credentials
from mpvnc.web.http import Request


def request(value: str) -> Request:
    return Request("GET", "/", (("authorization", value),))


def basic(said: bytes) -> str:
    return f"Basic {base64.b64encode(said).decode()}"


@pytest.mark.parametrize(
    ("said", "user", "password"),
    [(b":sesame", "", "sesame"), (b"ann:a:b", "ann", "a:b"), ("ü:ß".encode(), "ü", "ß"), (b":", "", "")],
)
def test_credentials_are_read(said: bytes, user: str, password: str) -> None:
    assert credentials(request(basic(said))) == Credentials(user, password)
    assert credentials(request(basic(said).replace("Basic", "bAsIc"))) == Credentials(user, password)


@pytest.mark.parametrize(
    "value", ["", "Basic", "Basic ?", basic(b"nothing"), basic(b"\xff:a"), "Bearer abc", "Basic YTpi YTpi"]
)
def test_what_cannot_be_read_is_none(value: str) -> None:
    assert credentials(request(value)) is None
    assert credentials(Request("GET", "/", ())) is None


def test_the_challenge_asks() -> None:
    asked = challenge("please")
    assert asked.status == 401 and b"please" in asked.body
    assert dict(asked.headers)["WWW-Authenticate"].startswith("Basic realm=")

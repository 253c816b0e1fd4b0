"""The Basic HTTP authentication scheme (RFC 7617). Pure; whether a password is right is judged elsewhere."""

from __future__ import annotations

import base64
import binascii
from http import HTTPStatus
from typing import NamedTuple

from mpvnc.web.http import Request, Response, text

_CHALLENGE = ("WWW-Authenticate", 'Basic realm="mpvnc", charset="UTF-8"')


class Credentials(NamedTuple):
    """What somebody says who he is; VNC's passwords have no user."""

    user: str
    password: str


def credentials(request: Request) -> Credentials | None:
    """Return what a request brings; None if that is nothing, or nothing that can be read."""
    scheme, _, token = request.header("authorization").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        said = base64.b64decode(token.strip(), validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return None
    user, colon, password = said.partition(":")
    return Credentials(user, password) if colon else None


def challenge(words: str) -> Response:
    """Return the answer that asks for a password."""
    return text(HTTPStatus.UNAUTHORIZED, words, (_CHALLENGE, ("Cache-Control", "no-store")))

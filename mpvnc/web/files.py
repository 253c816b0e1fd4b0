"""The static files, from a table that is made once: a path that is not in it does not exist. Pure."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from functools import cached_property
from http import HTTPStatus

from mpvnc.web.http import Request, Response

_TYPES = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "ico": "image/x-icon",
    "js": "text/javascript; charset=utf-8",
    "json": "application/json",
    "png": "image/png",
    "svg": "image/svg+xml",
    "txt": "text/plain; charset=utf-8",
    "webmanifest": "application/manifest+json",
    "woff2": "font/woff2",
}
_OTHER_TYPE = "application/octet-stream"
_PACKED_ALREADY = {"ico", "png", "woff2"}
_COMPRESSION = 6


class StaticFiles:
    """Answers requests for files.

    Args:
        files: contents by path, without a slash at the front; `index.html` is also what a directory shows.
    """

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = {f"/{path}": _File(path, body) for path, body in files.items()}

    def find(self, request: Request) -> Response | None:
        """Return the answer to GET or HEAD; None if there is no such file."""
        path = f"{request.path}index.html" if request.path.endswith("/") else request.path
        file = self._files.get(path)
        return None if file is None else file.respond(request)


class _File:
    def __init__(self, path: str, body: bytes) -> None:
        self._suffix = path.rpartition(".")[2]
        self._body = body

    def respond(self, request: Request) -> Response:
        packed = self._packed if accepts_gzip(request.header("accept-encoding")) else None
        tag = f'"{self._digest}-gz"' if packed else f'"{self._digest}"'
        headers = [("ETag", tag), ("Cache-Control", "no-cache"), ("Vary", "Accept-Encoding")]
        if matches(request.header("if-none-match"), tag):
            return Response(HTTPStatus.NOT_MODIFIED, headers)
        headers.append(("Content-Type", _TYPES.get(self._suffix, _OTHER_TYPE)))
        if packed:
            headers.append(("Content-Encoding", "gzip"))
        return Response(HTTPStatus.OK, headers, packed or self._body)

    @cached_property
    def _digest(self) -> str:
        return hashlib.sha256(self._body).hexdigest()[:32]

    @cached_property
    def _packed(self) -> bytes | None:
        """The file as gzip, made when it is first wanted; None if that saves nothing."""
        if self._suffix in _PACKED_ALREADY:
            return None
        packed = gzip.compress(self._body, _COMPRESSION, mtime=0)
        return packed if len(packed) < len(self._body) else None


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether a client takes gzip (RFC 9110 section 12.5.3); one that says nothing is given what needs none."""
    weights: dict[str, bool] = {}
    for element in accept_encoding.lower().split(","):
        coding, _, parameter = element.partition(";")
        weights[coding.strip()] = parameter.replace(" ", "").rstrip("0.") != "q="
    return weights.get("gzip", weights.get("*", False))


def matches(if_none_match: str, tag: str) -> bool:
    """Whether a client has what `tag` names (RFC 9110 section 13.1.2, weak comparison)."""
    known = [each.strip().removeprefix("W/") for each in if_none_match.split(",")]
    return tag in known or known == ["*"]

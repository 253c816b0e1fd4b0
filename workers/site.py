"""What the web part of a worker answers: the rules on who may ask, the page, snapshots, health, WebSockets.

It decides by the request alone; connections are the visitors', frames the show's.
"""

from __future__ import annotations

import asyncio
import functools
import hmac
import importlib.resources
import json
from collections.abc import Callable, Iterator
from http import HTTPStatus
from importlib.resources.abc import Traversable

from mpvnc.config import Config, Secrets, is_name
from mpvnc.errors import ConfigError
from mpvnc.rfb.security import Access, vncauth
from mpvnc.transport.websocket import silent
from mpvnc.web import rules, websocket
from mpvnc.web.authorization import Credentials, challenge, credentials
from mpvnc.web.files import StaticFiles, matches
from mpvnc.web.http import READABLE, Request, Response, text
from mpvnc.workers.settings import refusal_in_clear
from mpvnc.workers.shows import Shows, Surface
from mpvnc.workers.snapshots import Snapshot, Snapshots, version_of
from mpvnc.workers.verifier import Verifier
from mpvnc.workers.visitor import Visitor

_SNAPSHOTS = {"/snapshot.png": "png", "/snapshot.jpg": "jpeg"}
_OF_THE_SCREEN = {"/health", *_SNAPSHOTS}
"""What one that is refused does not get. It gets the page, which hears the reason in RFB and tries again."""
_TYPES = {"png": "image/png", "jpeg": "image/jpeg"}
_LATER = (("Retry-After", "5"),)
_UNSTORED = ("Cache-Control", "no-store")
_FRESH = ("Cache-Control", "private, no-cache")
WRONG_PASSWORD = "Wrong password"


class Site:
    """The answers of one worker.

    Args:
        wrong_password: told of a visitor that gave one; it answers when that is due.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        shows: Shows,
        verifier: Verifier,
        wrong_password: Callable[[Visitor], None],
    ) -> None:
        self._shows = shows
        self._snapshots = Snapshots(loop)
        self._verifier = verifier
        self._wrong_password = wrong_password

    def configure(self, config: Config, secrets: Secrets) -> None:
        """Follow the configuration, from the next request on."""
        self._config = config
        self._publishes = config.source.kind == "publish"
        self._hosts = config.server.hosts
        self._allowed_origins = config.websocket.allowed_origins
        passwords = (secrets.password, secrets.view_only_password)
        self._passwords = [password for password in passwords if password is not None]
        self._has_users = bool(config.security.users_file)
        self._is_open = not self._passwords and not self._has_users

    def close(self) -> None:
        """Wait for no snapshot any more."""
        self._snapshots.close()

    def serve(self, visitor: Visitor, request: Request) -> None:
        """Have a visitor's request answered."""
        refusal = self._refuse(visitor, request)
        if refusal is not None:
            visitor.answer(refusal, is_last=True)
            return
        visitor.arrival.surface = visitor.arrival.told.get("surface", "") or request.parameter("surface")
        if request.wants_websocket:
            answer = websocket.handshake(request, silent)
            is_open = answer.status == HTTPStatus.SWITCHING_PROTOCOLS
            visitor.upgrade(answer) if is_open else visitor.answer(answer, is_last=True)
        elif request.method not in READABLE:
            allowed = ("Allow", ", ".join(READABLE))
            visitor.answer(text(HTTPStatus.METHOD_NOT_ALLOWED, "Only GET and HEAD", (allowed,)), is_last=True)
        elif visitor.arrival.refusal and request.path in _OF_THE_SCREEN:
            visitor.answer(
                text(HTTPStatus.SERVICE_UNAVAILABLE, visitor.arrival.refusal, _LATER), is_last=True
            )
        elif request.path in _SNAPSHOTS:
            self._authorize(visitor, request)
        else:
            visitor.answer(self._look_up(visitor, request))

    def _refuse(self, visitor: Visitor, request: Request) -> Response | None:
        """Return why a request is not even looked at."""
        is_health = request.path == "/health" and not request.wants_websocket
        # A page is not told why its WebSocket was refused. It asks here, and says where it is from.
        page = request.parameter("page") if is_health else ""
        in_clear = refusal_in_clear(self._config, is_encrypted=visitor.arrival.is_encrypted)
        if in_clear and (page or not is_health):
            return text(HTTPStatus.FORBIDDEN, in_clear)
        host = request.header("host")
        if self._is_open and not rules.is_host_allowed(host, self._hosts):
            return text(HTTPStatus.MISDIRECTED_REQUEST, _MISDIRECTED)
        origins = [page] if page else request.values("origin") if request.wants_websocket else []
        if not rules.is_origin_allowed(origins, host, self._allowed_origins):
            return text(HTTPStatus.FORBIDDEN, _FOREIGN.format(", ".join(origins), host))
        return self._refuse_surface(request.parameter("surface"))

    def _refuse_surface(self, name: str) -> Response | None:
        if name and not is_name(name):
            return text(HTTPStatus.NOT_FOUND, "That is no name of a surface")
        if name and not self._publishes:
            return text(HTTPStatus.NOT_FOUND, "Nothing is published here: leave ?surface= out of the address")
        return None

    def _look_up(self, visitor: Visitor, request: Request) -> Response:
        if request.path == "/health":
            return self._health(self._shows.look(visitor.arrival.surface))
        return static_files().find(request) or text(HTTPStatus.NOT_FOUND, "Not here")

    def _health(self, surface: Surface | None) -> Response:
        """Say whether viewers see a living screen."""
        problem = "no frame yet"
        if surface is None or (self._publishes and not surface.number):
            problem = "not published"
        elif version_of(surface.show.reader):
            problem = "" if surface.is_up else "the source is down"
        status = HTTPStatus.SERVICE_UNAVAILABLE if problem else HTTPStatus.OK
        body = json.dumps({"status": problem or "ok"}).encode()
        return Response(status, (("Content-Type", "application/json"), _UNSTORED), body)

    # -- snapshots

    def _authorize(self, visitor: Visitor, request: Request) -> None:
        """Let those who know a password of the viewers see what the viewers see."""
        if self._is_open:
            self._show(visitor, request)
            return
        if not self._passwords and not visitor.arrival.is_encrypted:
            visitor.answer(text(HTTPStatus.FORBIDDEN, "Users log in over https alone"))
            return
        given = credentials(request)
        if given is None:
            visitor.answer(challenge("A password is needed"))
        else:
            visitor.wait(visitor.arrival.judge_at, self._judge, visitor, request, given)

    def _judge(self, visitor: Visitor, request: Request, given: Credentials) -> None:
        if self._is_right(given.password):
            self._show(visitor, request)
        elif self._has_users and visitor.arrival.is_encrypted:
            told = functools.partial(visitor.guarded, self._verified, visitor, request)
            visitor.lookup = self._verifier.verify(visitor.arrival.address, *given, told)
        else:
            self._wrong_password(visitor)

    def _verified(self, visitor: Visitor, request: Request, access: Access) -> None:
        if access is Access.DENIED:
            self._wrong_password(visitor)
        else:
            self._show(visitor, request)

    def _is_right(self, password: str) -> bool:
        """Whether it is one of the viewers', as VNC compares them: the first 8 characters count."""
        given = _key(password)
        known = [key for key in map(_key, self._passwords) if key is not None]
        return given is not None and any([hmac.compare_digest(given, key) for key in known])

    def _show(self, visitor: Visitor, request: Request) -> None:
        kind, surface = _SNAPSHOTS[request.path], self._shows.look(visitor.arrival.surface)
        reader = None if surface is None else surface.show.reader
        version = version_of(reader)
        if version and matches(request.header("if-none-match"), f'"{version}"'):
            headers = (("ETag", f'"{version}"'), _FRESH)
            visitor.answer(Response(HTTPStatus.NOT_MODIFIED, headers))
            return
        name = "" if surface is None else surface.name
        self._snapshots.want(name, reader, kind, lambda made: visitor.answer(_as_response(kind, made)))


_FOREIGN = (
    "Not from {}: the server is reached as {}. Have the proxy in between pass on the Host header, or add that page "
    "to websocket.allowed_origins"
)
_MISDIRECTED = (
    "This name is not known here. Use the address, or add the name to server.hosts "
    "(without a password only known names are answered: any page could have its own name point here)."
)


def _key(password: str) -> bytes | None:
    """Return what VNC makes of a password; None if it is one that nobody can give."""
    try:
        encoded = vncauth.encode_password(password)
    except ConfigError:
        return None
    return vncauth.des_key(encoded) if vncauth.is_usable(encoded) else None


def _as_response(kind: str, made: Snapshot | None) -> Response:
    if made is None:
        return text(HTTPStatus.SERVICE_UNAVAILABLE, "There is no picture yet", _LATER)
    headers = (("Content-Type", _TYPES[kind]), ("ETag", f'"{made.version}"'), _FRESH)
    return Response(HTTPStatus.OK, headers, made.data)


@functools.cache
def static_files() -> StaticFiles:
    """Return the viewer's page with all it needs, read when it is first wanted."""
    root = importlib.resources.files("mpvnc.web") / "static"
    return StaticFiles({path: file.read_bytes() for path, file in _walk(root)})


def _walk(directory: Traversable, prefix: str = "") -> Iterator[tuple[str, Traversable]]:
    for entry in directory.iterdir():
        if entry.is_dir():
            yield from _walk(entry, f"{prefix}{entry.name}/")
        else:
            yield f"{prefix}{entry.name}", entry

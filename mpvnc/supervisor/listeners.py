"""The sockets that viewers connect to: TCP over IPv4 and IPv6, and UNIX.

Owns resolving, binding and the backlog; accepts, but reads nothing from what it accepted.
"""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import os
import re
import socket
import stat
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from mpvnc.config import Server, is_name
from mpvnc.errors import ConfigError, MpvncError
from mpvnc.supervisor.addresses import outward

BACKLOG = 4096
NOTHING = "none"
"""The one entry of a server that listens nowhere: its viewers are brought by the program that publishes."""
ANY, VNC, WEB = "any", "vnc", "web"
"""What is spoken on a listener: everything on one port, or only what viewers or browsers speak."""
_PORT_TRIES = 20
_ON_ALL = ("vnc://0.0.0.0:", "vnc://[::]:")
_NO_SUCH_FAMILY = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}


class ListenError(MpvncError):
    """An address that cannot be listened on; the message names it."""


class TcpSpec(NamedTuple):
    """A host (name, address, or "" and "*" for all families), a port, 0 for a free one, and what it shows."""

    host: str
    port: int
    speaks: str = ANY
    surface: str = ""
    """The name of a published surface; "" for the first."""

    def __str__(self) -> str:
        """Return it as the configuration has it: `0.0.0.0:5900`, `[::]:5900`, `*:5900`."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host or '*'}:{self.port}"


class UnixSpec(NamedTuple):
    """The path of a UNIX socket, and what it shows."""

    path: str
    speaks: str = ANY
    surface: str = ""

    def __str__(self) -> str:
        """Return it as the configuration has it."""
        return f"unix:{self.path}"


@dataclass(frozen=True, slots=True)
class Listener:
    """A listening, non-blocking socket, the URL under which viewers find it, and what it is for.

    Attributes:
        url: `vnc://host:port` or `unix:/path`, as it is bound.
        speaks: ANY, VNC or WEB.
        surface: the name of what is seen there; "" for the first.
        wants_https: browsers get nowhere without encryption.
    """

    sock: socket.socket
    url: str
    unix_path: str = ""
    speaks: str = ANY
    surface: str = ""
    wants_https: bool = False

    @property
    def urls(self) -> list[str]:
        """Where those who may come here find it, viewers first: addresses that can be opened.

        A socket on all addresses of its family is named by the one that others most probably reach.
        """
        if self.unix_path:
            return [self.url]
        url = self.url
        if self.is_on_all_addresses:
            url = _url(outward(self.sock.family), int(url.rpartition(":")[2]))
        web_url = f"http{'s' if self.wants_https else ''}{url.removeprefix('vnc')}/"
        return {VNC: [url], WEB: [web_url]}.get(self.speaks, [url, web_url])

    @property
    def labels(self) -> list[str]:
        """The same, with the surface if it is for a certain one."""
        return [f"{url}#{self.surface}" for url in self.urls] if self.surface else self.urls

    @property
    def is_on_all_addresses(self) -> bool:
        """Whether it takes connections to every address of its family."""
        return self.url.startswith(_ON_ALL)

    def close(self) -> None:
        """Stop listening; removes the file of a UNIX socket."""
        self.sock.close()
        if self.unix_path:
            with contextlib.suppress(OSError):
                os.unlink(self.unix_path)


def parse_listeners(server: Server) -> list[TcpSpec | UnixSpec]:
    """Return what is to be listened on: `server.listeners` (`none` alone: nothing), else `server.host` and
    `server.port`.

    An entry may say in front what is spoken there: `vnc:`, `web:`, or `any:`, which is what holds without.

    Raises: ConfigError naming the entry that is neither `host:port`, `[address]:port` nor `unix:/path`, with or
        without `#surface`.
    """
    if list(server.listeners) == [NOTHING]:
        return []
    if not server.listeners:
        return [TcpSpec(server.host.strip("[]"), server.port)]
    return [_parse(entry) for entry in server.listeners]


def is_exposed(spec: TcpSpec | UnixSpec) -> bool:
    """Whether somebody from another machine may reach it. Names other than localhost count as exposed."""
    if isinstance(spec, UnixSpec) or spec.host == "localhost":
        return False
    try:
        return not ipaddress.ip_address(spec.host.partition("%")[0]).is_loopback
    except ValueError:
        return True


def open_listeners(specs: Sequence[TcpSpec | UnixSpec]) -> list[Listener]:
    """Bind and listen on all of them, or on none.

    Raises: ListenError naming the address that cannot be bound.
    """
    opened: list[Listener] = []
    try:
        for spec in specs:
            found = [_open_unix(spec)] if isinstance(spec, UnixSpec) else _open_tcp(spec)
            opened += [replace(listener, speaks=spec.speaks, surface=spec.surface) for listener in found]
    except BaseException:
        for listener in opened:
            listener.close()
        raise
    return opened


def _parse(entry: str) -> TcpSpec | UnixSpec:
    rest, surface = _split_surface(entry)
    found = re.match(rf"({ANY}|{VNC}|{WEB}):(?!\d+$)", rest)
    speaks, address = (found[1], rest[found.end() :]) if found else (ANY, rest)
    if address.startswith("unix:") and len(address) > len("unix:"):
        return UnixSpec(address[len("unix:") :], speaks, surface)
    match = re.fullmatch(r"(?:\[([^\]]*)\]|([^:\[\]]*)):(\d{1,5})", address.removeprefix("tcp:"))
    if not match or int(match[3]) > 65535:
        raise ConfigError(f"server.listeners: {entry}: expected host:port, [address]:port or unix:/path")
    return TcpSpec(match[1] or match[2] or "", int(match[3]), speaks, surface)


def _split_surface(entry: str) -> tuple[str, str]:
    """Return (address, name of the surface); "" if none stands behind the last "#"."""
    address, mark, surface = entry.rpartition("#")
    if not mark:
        return entry, ""
    if not is_name(surface):
        raise ConfigError(f"server.listeners: {entry}: {surface!r} is no name of a surface")
    return address, surface


def _open_tcp(spec: TcpSpec) -> list[Listener]:
    """Listen on every address of the host, all on the same port."""
    host = None if spec.host in ("", "*") else spec.host
    flags = socket.AI_PASSIVE
    try:
        found = socket.getaddrinfo(host, spec.port, type=socket.SOCK_STREAM, flags=flags)
    except OSError as error:
        raise ListenError(f"cannot listen on {spec.host}: {error.strerror or error}") from error
    except UnicodeError as error:
        raise ListenError(f"cannot listen on {spec.host}: no host name") from error
    addresses = list(dict.fromkeys((family, address) for family, _, _, _, address in found))
    for attempt in range(_PORT_TRIES):
        try:
            return _bind_all(addresses, spec.port)
        except OSError as error:
            retry = spec.port == 0 and error.errno == errno.EADDRINUSE and attempt < _PORT_TRIES - 1
            if not retry:
                where = f"{spec.host or '*'} port {spec.port}"
                raise ListenError(f"cannot listen on {where}: {error.strerror}") from error
    raise AssertionError("the last attempt returns or raises")


def _bind_all(addresses: Sequence[tuple[int, tuple[object, ...]]], port: int) -> list[Listener]:
    bound: list[Listener] = []
    missing: OSError | None = None
    try:
        for family, address in addresses:
            try:
                listener = _bind(family, (address[0], port, *address[2:]))
            except OSError as error:
                # One family of a host with several may be missing here; a lone address may not.
                if error.errno not in _NO_SUCH_FAMILY:
                    raise
                missing = error
                continue
            port = listener.sock.getsockname()[1]
            bound.append(listener)
        if not bound and missing is not None:
            raise missing
    except BaseException:
        for listener in bound:
            listener.close()
        raise
    return bound


def _bind(family: int, address: tuple[object, ...]) -> Listener:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # accepted sockets inherit it
        sock.bind(address)
        sock.listen(BACKLOG)
        sock.setblocking(False)
    except BaseException:
        sock.close()
        raise
    return Listener(sock, _url(*sock.getsockname()[:2]))


def _url(host: str, port: int) -> str:
    return f"vnc://[{host}]:{port}" if ":" in host else f"vnc://{host}:{port}"


def _open_unix(spec: UnixSpec) -> Listener:
    """Listen on a path, in place of a socket that nobody listens on any more."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _clear_stale(spec.path)
        sock.bind(spec.path)
        os.chmod(spec.path, 0o600)
        sock.listen(BACKLOG)
        sock.setblocking(False)
    except OSError as error:
        sock.close()
        raise ListenError(f"cannot listen on unix:{spec.path}: {error.strerror or error}") from error
    return Listener(sock, f"unix:{spec.path}", spec.path)


def _clear_stale(path: str) -> None:
    try:
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            return
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)

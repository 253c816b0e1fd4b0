"""Who may talk to us through a browser: the rules on Host and Origin. Pure.

A page from anywhere can make a browser connect to anything the browser can reach. Two headers tell us, and a
script cannot forge either: Host names whom the browser believes to talk to, Origin which page had it do so.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from urllib.parse import urlsplit

_DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}


def is_host_allowed(host: str, names: Collection[str]) -> bool:
    """Whether a request with this Host header may be answered where nobody has to authenticate.

    An address, localhost, or one of `names`. Any other name may be one that somebody else's DNS server points
    here, for a page of his own to drive the desktop of whoever opened it (DNS rebinding).
    """
    found = _host_and_port(f"//{host}")
    if found is None:
        return False
    name = found[0]
    return name == "localhost" or _is_address(name) or name in {known.lower().rstrip(".") for known in names}


def is_origin_allowed(origins: Collection[str], host: str, allowed: Collection[str]) -> bool:
    """Whether the page that opens a WebSocket may: one of ours, or one that is listed.

    Args:
        origins: the values of the request's Origin headers; none is a program, not a page (RFC 6455
            section 10.2); more than one is nothing that a browser sends.
        host: the request's Host header.
        allowed: origins such as `https://desk.example:8443`; case and a slash at the end do not matter.
    """
    if not origins:
        return True
    if len(origins) > 1:
        return False
    (origin,) = map(_normal, origins)
    if origin in set(map(_normal, allowed)):
        return True
    page, here = _host_and_port(origin), _host_and_port(f"{origin.partition(':')[0]}://{host}")
    # Not the scheme: a proxy in front of us may have taken the encryption off.
    return page is not None and page == here


def is_origin(text: str) -> bool:
    """Whether a browser could send this as Origin: scheme, host, and a port if it is not the scheme's; or "null"
    (RFC 6454 section 6.1). There are no patterns.
    """
    origin = _normal(text)
    scheme, mark, host = origin.partition("://")
    is_whole = bool(scheme and mark) and "*" not in host and _host_and_port(origin) is not None
    return is_whole or origin == "null"


def _normal(origin: str) -> str:
    return origin.strip().lower().rstrip("/")


def _host_and_port(url: str) -> tuple[str, int | None] | None:
    """Return host and port of a URL that has nothing else, the scheme's port if it names none."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    bare = not (parts.path or parts.query or parts.fragment) and "@" not in parts.netloc
    if not bare or not parts.hostname:
        return None
    return parts.hostname.rstrip("."), port or _DEFAULT_PORTS.get(parts.scheme)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True

"""A small reverse proxy that ends TLS and does with the headers what an example for nginx says.

It knows the few directives and variables that the examples in README.md and docs/proxy.md have, and takes one
request on each connection: whoever comes again would not be looked at.
"""

from __future__ import annotations

import re
import select
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

_HEADER = re.compile(r"^\s*proxy_set_header\s+(\S+)\s+(\S+);", re.MULTILINE)
_MAP = re.compile(r'map \$http_upgrade \$connection_upgrade \{\s*default (\S+);\s*""\s+(\S+);\s*\}')


class HeaderRules:
    """What an example of nginx's configuration does with the headers of a request."""

    def __init__(self, example: str) -> None:
        self._set = dict(_HEADER.findall(example))
        found = _MAP.search(example)
        assert found is not None, "the example says what becomes of Connection"
        self._with_upgrade, self._without = (word.strip('"') for word in found.groups())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, HeaderRules) and vars(self) == vars(other)

    def apply(self, head: bytes, backend: str) -> bytes:
        """Return the head of a request as the server behind gets it."""
        line, *fields = head.decode("latin-1").split("\r\n")
        asked = {name.lower(): value for name, _, value in (field.partition(": ") for field in fields)}
        sent = {**asked, "host": backend, "connection": "close"}
        sent.pop("upgrade", None)  # it concerns one hop, unless the example passes it on
        for name, value in self._set.items():
            sent[name.lower()] = self._value(value, asked)
        sent["connection"] = sent["connection"] or "close"
        lines = [line, *(f"{name}: {value}" for name, value in sent.items() if value), "", ""]
        return "\r\n".join(lines).encode("latin-1")

    def _value(self, value: str, asked: Mapping[str, str]) -> str:
        if value == "$connection_upgrade":
            return self._with_upgrade if asked.get("upgrade") else self._without
        return asked.get(value.removeprefix("$http_"), "") if value.startswith("$http_") else value


@contextmanager
def proxy(backend: tuple[str, int], rules: HeaderRules, context: ssl.SSLContext) -> Iterator[int]:
    """Pass https on as http for a block; yields the port on 127.0.0.1."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_accept, args=(listener, backend, rules, context), daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def _accept(
    listener: socket.socket, backend: tuple[str, int], rules: HeaderRules, context: ssl.SSLContext
) -> None:
    with suppress(OSError):
        while True:
            sock, _ = listener.accept()
            threading.Thread(target=_serve, args=(sock, backend, rules, context), daemon=True).start()


def _serve(
    sock: socket.socket, backend: tuple[str, int], rules: HeaderRules, context: ssl.SSLContext
) -> None:
    with suppress(OSError), context.wrap_socket(sock, server_side=True) as front:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            if not (piece := front.recv(1)):
                return
            head += piece
        with socket.create_connection(backend) as back:
            back.sendall(rules.apply(head[:-4], f"{backend[0]}:{backend[1]}"))
            _exchange(front, back)


def _exchange(front: ssl.SSLSocket, back: socket.socket) -> None:
    """Pass on what comes from either side until one ends; in one thread, for OpenSSL's sake."""
    while True:
        ready = [front] if front.pending() else select.select([front, back], [], [])[0]
        for source in ready:
            data = source.recv(1 << 16)
            if not data:
                return
            (back if source is front else front).sendall(data)

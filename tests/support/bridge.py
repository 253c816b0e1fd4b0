"""The page and a WebSocket in front of a native listener: what a browser needs, for a server that has neither.

with bridge("127.0.0.1", 5900) as url: ...
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

STATIC = Path(__file__).resolve().parents[2] / "mpvnc/web/static"
POLICY = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'"
_TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


@contextmanager
def bridge(host: str, port: int) -> Iterator[str]:
    """Serve the page on a free port of 127.0.0.1, its WebSocket tied to host:port; the value is the URL."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def start() -> tuple[asyncio.AbstractServer, int]:
        async def join(socket: ServerConnection) -> None:
            await _join(socket, host, port)

        server = await serve(join, "127.0.0.1", 0, process_request=_answer, subprotocols=["binary"])
        return server, next(iter(server.sockets)).getsockname()[1]

    async def stop() -> None:
        server.close(close_connections=True)
        await asyncio.wait_for(server.wait_closed(), 5)

    server, own_port = asyncio.run_coroutine_threadsafe(start(), loop).result(10)
    try:
        yield f"http://127.0.0.1:{own_port}/"
    finally:
        asyncio.run_coroutine_threadsafe(stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _answer(_: ServerConnection, request: Request) -> Response | None:
    path = request.path.partition("?")[0].lstrip("/") or "index.html"
    if path == "websockify":
        return None
    file = STATIC / path
    if path == "health" or not file.is_file():
        return Response(200 if path == "health" else 404, "", Headers(), b"")
    headers = Headers(
        {"Content-Type": _TYPES.get(file.suffix, "text/plain"), "Content-Security-Policy": POLICY}
    )
    headers["Content-Length"] = str(file.stat().st_size)
    headers["Connection"] = "close"
    return Response(200, "OK", headers, file.read_bytes())


async def _join(socket: ServerConnection, host: str, port: int) -> None:
    try:
        reader, writer = await asyncio.open_connection(host, port)
    except OSError:
        return

    async def up() -> None:
        async for message in socket:
            writer.write(message if isinstance(message, bytes) else message.encode())
        writer.close()

    with suppress(ConnectionClosed, OSError):
        uploading = asyncio.ensure_future(up())
        while data := await reader.read(1 << 16):
            await socket.send(data)
        await socket.close(1001)
        await uploading

"""The server's side of a WebSocket (RFC 6455) without I/O, by the `websockets` package's protocol objects.

The messages are a stream of bytes cut anywhere: where one ends means nothing. What goes out is a header here,
and bytes that others share behind it: `header`. Nothing is compressed; text is refused.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, NamedTuple

from websockets.datastructures import Headers as HandshakeHeaders
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request as HandshakeRequest
from websockets.protocol import SERVER, Protocol, State
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from mpvnc.web.http import Request, Response, text

VERSION = "13"
SUBPROTOCOL = Subprotocol("binary")

_UPGRADE = (("Upgrade", "websocket"), ("Connection", "Upgrade"))
"""What an answer 426 has to say (RFC 9110 sections 15.5.22 and 7.8)."""
_FINAL_BINARY = 0x82
_MASKED = 0x80
_SHORT_HEADER_BYTES = 6
_SHORT_BYTES = 125
_MEDIUM_BYTES = 0xFFFF
_REASON_BYTES = 123
"""What a close frame has room for behind its code (RFC 6455 section 5.5)."""

try:
    from websockets.speedups import apply_mask
except ImportError:
    from websockets.utils import apply_mask


class SizeLimits(NamedTuple):
    """In bytes: of one frame, and of one message over all its frames. Checked before memory is taken."""

    frame: int
    message: int


def header(size_bytes: int) -> bytes:
    """Return what goes in front of so many bytes to make them a whole binary message: 2, 4 or 10 bytes."""
    if size_bytes <= _SHORT_BYTES:
        return bytes((_FINAL_BINARY, size_bytes))
    if size_bytes <= _MEDIUM_BYTES:
        return struct.pack(">BBH", _FINAL_BINARY, 126, size_bytes)
    return struct.pack(">BBQ", _FINAL_BINARY, 127, size_bytes)


def handshake(request: Request, logger: Any) -> Response:
    """Return the answer to a request for a WebSocket: 101, or why not. Host and Origin are judged before."""
    if request.header("sec-websocket-version") not in ("", VERSION):
        wanted = (("Sec-WebSocket-Version", VERSION), *_UPGRADE)
        return text(
            HTTPStatus.UPGRADE_REQUIRED, f"Only version {VERSION} of WebSocket is spoken here", wanted
        )
    if request.header("content-length") not in ("", "0") or request.header("transfer-encoding"):
        return text(HTTPStatus.BAD_REQUEST, "A request for a WebSocket has no body")
    asked = HandshakeRequest(
        request.path, HandshakeHeaders(request.headers), request.method, f"HTTP/{request.version}"
    )
    answer = ServerProtocol(select_subprotocol=_select, logger=logger).accept(asked)
    if answer.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
        kept = [(name, value) for name, value in answer.headers.raw_items() if name == "Allow"]
        if answer.status_code == HTTPStatus.UPGRADE_REQUIRED:
            kept += _UPGRADE
        return text(answer.status_code, bytes(answer.body).decode().rstrip(), kept)
    headers = [(name, value) for name, value in answer.headers.raw_items() if name != "Date"]
    return Response(answer.status_code, headers)


def _select(_protocol: ServerProtocol, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    return SUBPROTOCOL if SUBPROTOCOL in offered else None


class Incoming:
    """What a client sends after the handshake.

    Args:
        limits: what is taken of it; may be replaced at any time.
        logger: the package tells it what goes by: give it one that is silent, there are passwords in that.
    """

    def __init__(self, limits: SizeLimits, logger: Any) -> None:
        self._protocol = Protocol(SERVER, max_size=(limits.message, limits.frame), logger=logger)
        self._partial_bytes = 0
        """What came and was in no whole frame: 0 at a frame's end for those who write lengths as RFC 6455 has it."""

    @property
    def is_over(self) -> bool:
        """Whether a close frame went either way: after `replies` the connection is to be closed."""
        return self._protocol.state is not State.OPEN

    def set_limits(self, limits: SizeLimits) -> None:
        """Take other limits from the next frame on."""
        self._protocol.max_message_size, self._protocol.max_fragment_size = limits.message, limits.frame

    def take_short(self, data: bytes) -> bytes | None:
        """Return the payload if what came is what nearly everything is: one short message, whole and alone.

        Not to be asked any more once `is_over`.

        None: it is not, and has to be given to `receive_data`.
        """
        size = len(data) - _SHORT_HEADER_BYTES
        if (
            0 < size <= _SHORT_BYTES
            and data[0] == _FINAL_BINARY
            and data[1] == _MASKED | size
            and not self._partial_bytes
            and self._protocol.current_size is None
        ):
            return apply_mask(data[_SHORT_HEADER_BYTES:], data[2:_SHORT_HEADER_BYTES])
        return None

    def receive_data(self, data: bytes) -> bytes:
        """Take what came and return the payload in it; then ask for `replies` and `is_over`."""
        protocol = self._protocol
        protocol.receive_data(data)
        frames = protocol.events_received()
        self._partial_bytes += len(data) - sum(map(_shortest, frames))  # type: ignore[arg-type]
        return self._payload(frames)

    def replies(self) -> list[bytes]:
        """Return the frames that answer what came (pongs, a close), once."""
        return [frame for frame in self._protocol.data_to_send() if frame]

    def close(self, code: int, reason: str = "") -> None:
        """Begin to end it; the close frame is in `replies`. A long reason is cut."""
        if not self.is_over:
            self._protocol.send_close(code, reason.encode()[:_REASON_BYTES].decode(errors="ignore"))

    def _payload(self, frames: Sequence[Any]) -> bytes:
        payload = []
        for frame in frames:
            if frame.opcode is Opcode.TEXT:
                self._protocol.fail(CloseCode.UNSUPPORTED_DATA, "binary messages only")
                break
            if frame.opcode in (Opcode.BINARY, Opcode.CONT):
                payload.append(frame.data)
        return b"".join(payload)


def _shortest(frame: Frame) -> int:
    """Return how many bytes a masked frame takes at least."""
    return len(header(len(frame.data))) + 4 + len(frame.data)

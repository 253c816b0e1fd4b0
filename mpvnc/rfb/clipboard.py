"""Messages of the extended clipboard, both ways: what follows the negative length of a cut text.

Pure functions between bytes and values. Who has said what is not known here, and what a format's bytes mean only
for text. Source: rfbproto "Extended Clipboard Pseudo-Encoding".

What comes is compressed, so it may be a bomb: it is inflated step by step, no further than the sizes that it tells
itself, and each of these meets the limit before anything is inflated for it.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from mpvnc.constants import ClipboardFlag, ServerMessage
from mpvnc.errors import LimitExceeded, ProtocolError

FORMATS = ClipboardFlag.TEXT | ClipboardFlag.RTF | ClipboardFlag.HTML
"""What is understood here; of other formats, nothing is kept."""
ACTIONS = ClipboardFlag.REQUEST | ClipboardFlag.PEEK | ClipboardFlag.NOTIFY | ClipboardFlag.PROVIDE
SHORT_BYTES = 4 + 16 * 4
"""The longest message that is no `Provide`: the flags, and a size for each of 16 formats."""

_FORMAT_BITS = range(16)
_FORMAT_MASK = 0xFFFF
_ACTION_MASK = 0xFF000000
_U32 = struct.Struct(">I")
_HEAD = struct.Struct(">B3xiI")
_DEFAULT_TEXT_BYTES = 20 << 20
_LEVEL, _FAST_LEVEL = 6, 1
_SLOW_BYTES = 1 << 20
"""More is compressed fast: whoever asks for it must not hold up the others."""


@dataclass(frozen=True, slots=True)
class Caps:
    """What a peer takes; as it stands here, what one takes that has not said anything."""

    formats: int = FORMATS
    actions: int = ClipboardFlag.REQUEST | ClipboardFlag.NOTIFY | ClipboardFlag.PROVIDE
    sizes: Mapping[int, int] = field(default_factory=lambda: {ClipboardFlag.TEXT: _DEFAULT_TEXT_BYTES})
    """How much of each format it takes unasked; those that are missing: nothing."""


@dataclass(frozen=True, slots=True)
class Request:
    """The peer wants the contents in these formats."""

    formats: int


@dataclass(frozen=True, slots=True)
class Peek:
    """The peer wants to know which formats there are."""


@dataclass(frozen=True, slots=True)
class Notify:
    """The peer's clipboard has something new, in these formats; 0: it is empty."""

    formats: int


@dataclass(frozen=True, slots=True)
class Provide:
    """The contents of the peer's clipboard, by format; only those of `FORMATS`."""

    contents: Mapping[int, bytes]


Message = Caps | Request | Peek | Notify | Provide


def limit_bytes(format_bytes: int) -> int:
    """Return how long a message may be, if each of three formats may have `format_bytes`."""
    return 3 * format_bytes + 64


def is_provide(flags: int) -> bool:
    """Whether a message with these flags carries contents."""
    return not flags & ClipboardFlag.CAPS and bool(flags & ClipboardFlag.PROVIDE)


def read(data: bytes, format_bytes: int) -> Message:
    """Return what the body of a message says: the flags and all behind them.

    Args:
        data: as long as it said itself, which has met `limit_bytes`.
        format_bytes: the limit for one format's contents.
    Raises: ProtocolError, LimitExceeded among them. Nothing is lost by it but this message.
    """
    if len(data) < _U32.size:
        raise ProtocolError(f"a clipboard message of {len(data)} bytes")
    (flags,) = _U32.unpack_from(data)
    body, formats, action = data[_U32.size :], flags & _FORMAT_MASK, flags & _ACTION_MASK
    if action & ClipboardFlag.CAPS:
        return _read_caps(formats, action, body)
    if action == ClipboardFlag.PROVIDE:
        return _read_provide(formats, body, format_bytes)
    if body:
        raise ProtocolError(f"a clipboard message with flags {flags:08x} and {len(body)} bytes behind them")
    if action == ClipboardFlag.REQUEST:
        return Request(formats)
    if action == ClipboardFlag.PEEK:
        return Peek()
    if action == ClipboardFlag.NOTIFY:
        return Notify(formats)
    raise ProtocolError(f"a clipboard message with flags {flags:08x}, which is no action or several")


def _read_caps(formats: int, actions: int, body: bytes) -> Caps:
    kinds = _kinds(formats)
    if len(body) != _U32.size * len(kinds):
        raise ProtocolError(f"clipboard caps with {len(kinds)} formats and {len(body)} bytes of sizes")
    sizes = [size for (size,) in _U32.iter_unpack(body)]
    return Caps(formats, actions & ~ClipboardFlag.CAPS, dict(zip(kinds, sizes, strict=True)))


def _read_provide(formats: int, body: bytes, format_bytes: int) -> Provide:
    inflater = _Inflater(body)
    contents, left_bytes = {}, limit_bytes(format_bytes)
    for kind in _kinds(formats):
        (size,) = _U32.unpack(inflater.take(_U32.size))
        left_bytes -= size
        if size > format_bytes or left_bytes < 0:
            raise LimitExceeded(f"clipboard format {kind:#x} with {size} bytes, the limit is {format_bytes}")
        data = inflater.take(size)
        if kind & FORMATS:
            contents[kind] = data
    inflater.finish()
    return Provide(contents)


class _Inflater:
    """A zlib stream of which no more is inflated than is asked for.

    It need not be ended: viewers flush it and leave it at that.
    """

    def __init__(self, data: bytes) -> None:
        self._stream = zlib.decompressobj()
        self._left = data

    def take(self, count: int) -> bytes:
        """Return `count` bytes. Raises: ProtocolError if there are not so many, or it is no such stream."""
        taken = bytearray()
        while len(taken) < count:
            piece = self._inflate(count - len(taken))
            if not piece:
                raise ProtocolError("clipboard contents that end too early")
            taken += piece
        return bytes(taken)

    def finish(self) -> None:
        """Raise ProtocolError if there is anything left, in the stream or behind it."""
        if self._inflate(1) or self._stream.unused_data:
            raise ProtocolError("clipboard contents with more behind them")

    def _inflate(self, max_bytes: int) -> bytes:
        try:
            piece = self._stream.decompress(self._left, max_bytes)
        except zlib.error as error:
            raise ProtocolError(f"clipboard contents: {error}") from error
        self._left = self._stream.unconsumed_tail
        return piece


def caps() -> bytes:
    """Return the ServerCutText that tells what is understood here; nothing is taken unasked."""
    return _message(ClipboardFlag.CAPS | ACTIONS | FORMATS, bytes(_U32.size * len(_kinds(FORMATS))))


def request(formats: int) -> bytes:
    """Return the ServerCutText that asks for contents."""
    return _message(ClipboardFlag.REQUEST | formats)


def notify(formats: int) -> bytes:
    """Return the ServerCutText that tells which formats there are."""
    return _message(ClipboardFlag.NOTIFY | formats)


def provide(contents: Mapping[int, bytes]) -> bytes:
    """Return the ServerCutText with these contents, in a zlib stream of their own."""
    formats, pairs = 0, []
    for kind in sorted(contents):
        formats |= kind
        pairs += [_U32.pack(len(contents[kind])), contents[kind]]
    plain = b"".join(pairs)
    level = _LEVEL if len(plain) <= _SLOW_BYTES else _FAST_LEVEL
    return _message(ClipboardFlag.PROVIDE | formats, zlib.compress(plain, level))


def text_to_wire(text: str) -> bytes:
    """Return text as the wire has it: UTF-8, lines that end in CR LF, a NUL behind it."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")
    return lines.encode("utf-8", "replace") + b"\0"


def text_from_wire(data: bytes) -> str:
    """Return what the wire has as text, with its own line ends. Raises: ProtocolError if it is none."""
    if not data.endswith(b"\0"):
        raise ProtocolError("a clipboard text without a NUL behind it")
    try:
        return data[:-1].decode("utf-8")
    except UnicodeDecodeError as error:
        raise ProtocolError(f"a clipboard text that is not UTF-8: {error.reason}") from error


def _message(flags: int, body: bytes = b"") -> bytes:
    return _HEAD.pack(ServerMessage.SERVER_CUT_TEXT, -(_U32.size + len(body)), flags) + body


def _kinds(formats: int) -> list[int]:
    return [1 << bit for bit in _FORMAT_BITS if formats >> bit & 1]

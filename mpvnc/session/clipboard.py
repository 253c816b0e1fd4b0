"""What a clipboard holds, and its bytes between our own processes. Values only.

A program's clipboard reaches the encoders as `pack` in a memfd, a viewer's travels on the input bus.
"""

from __future__ import annotations

import struct
import unicodedata
from dataclasses import dataclass

from mpvnc.errors import ControlError

FORMAT_MAX = 20 << 20
"""Characters or bytes that one format may have; the protocol's own idea of much (rfbproto, 20 MiB)."""

_LENGTHS = struct.Struct("<QQQ")
PACKED_MAX_BYTES = _LENGTHS.size + 9 * FORMAT_MAX
"""The most that `pack` makes: a character has up to four bytes."""
_ABSENT = (1 << 64) - 1
_CONTROLS = {
    number: None
    for number in range(0xA0)
    if unicodedata.category(chr(number)) == "Cc" and chr(number) not in "\t\n"
}


@dataclass(frozen=True, slots=True)
class Clipboard:
    """One thing in up to three formats; None: not in that format. Without any, the clipboard is empty.

    Attributes:
        text: lines end in a line feed.
        rtf: Microsoft's Rich Text Format, as it is.
        html: a fragment in Microsoft's clipboard format, or plain HTML.
    Raises: TypeError, ValueError if a format is of another type, or of more than `FORMAT_MAX`.
    """

    text: str | None = None
    rtf: bytes | None = None
    html: str | None = None

    def __post_init__(self) -> None:
        for name, value, kind in (
            ("text", self.text, str),
            ("rtf", self.rtf, bytes),
            ("html", self.html, str),
        ):
            if value is None:
                continue
            if not isinstance(value, kind):
                raise TypeError(f"{name} of a clipboard is {kind.__name__}, not {type(value).__name__}")
            if len(value) > FORMAT_MAX:
                raise ValueError(
                    f"{name} of a clipboard has a length of {len(value)}, the limit is {FORMAT_MAX}"
                )

    @property
    def size(self) -> int:
        """Characters and bytes of all formats together."""
        return sum(len(value) for value in (self.text, self.rtf, self.html) if value is not None)

    def pack(self) -> bytes:
        """Return it as bytes: three lengths, then the contents."""
        parts = (_encoded(self.text), self.rtf, _encoded(self.html))
        lengths = (_ABSENT if part is None else len(part) for part in parts)
        return b"".join((_LENGTHS.pack(*lengths), *(part for part in parts if part is not None)))

    @classmethod
    def unpack(cls, data: bytes) -> Clipboard:
        """Return the clipboard of `pack`. Raises: ControlError if `data` is anything else."""
        try:
            text, rtf, html = _parts(data)
            return cls(
                None if text is None else text.decode("utf-8"),
                rtf,
                None if html is None else html.decode("utf-8"),
            )
        except (struct.error, ValueError) as error:
            raise ControlError(f"a clipboard of {len(data)} bytes: {error}") from error


def cleaned(text: str) -> str:
    """Return a stranger's text with line feeds for line ends and without other control characters but tabs.

    A terminal that it is pasted into would obey them.
    """
    return text.replace("\r\n", "\n").replace("\r", "\n").translate(_CONTROLS)


def _encoded(text: str | None) -> bytes | None:
    return None if text is None else text.encode("utf-8", "replace")


def _parts(data: bytes) -> list[bytes | None]:
    parts: list[bytes | None] = []
    position = _LENGTHS.size
    for length in _LENGTHS.unpack_from(data):
        if length == _ABSENT:
            parts.append(None)
            continue
        parts.append(data[position : position + length])
        position += length
    if position != len(data):
        raise ValueError(f"{position} bytes were told")
    return parts

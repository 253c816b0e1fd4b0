"""A clipboard by CairoVNC's name: formats by their number in the extended clipboard."""

from __future__ import annotations

from collections.abc import Mapping

from mpvnc.cairovnc.errors import CairoVNCError
from mpvnc.session.clipboard import Clipboard


class VNCClipboard:
    """One thing in up to three formats. `formats` has text as str and the others as bytes.

    Raises: ValueError for a format that is none of `Formats`, TypeError for a content of another type.
    """

    Format_Text = 1
    Format_RTF = 2
    Format_HTML = 4
    Formats = (Format_Text, Format_RTF, Format_HTML)

    def __init__(self, formats: Mapping[int, str | bytes | bytearray] | None = None) -> None:
        self.formats: dict[int, str | bytes] = {}
        for clipboard_format, value in (formats or {}).items():
            self.set(clipboard_format, value)

    @classmethod
    def from_parts(cls, text: str | None, rtf: bytes | None, html: str | None) -> VNCClipboard:
        """Return the clipboard of what a publication calls so."""
        parts = {cls.Format_Text: text, cls.Format_RTF: rtf, cls.Format_HTML: html and html.encode()}
        return cls({number: part for number, part in parts.items() if part is not None})

    def __repr__(self) -> str:
        """Return which formats it has; what is in them is nobody's business."""
        return f"<VNCClipboard(formats {sorted(self.formats)})>"

    def set(self, clipboard_format: int, value: str | bytes | bytearray) -> None:
        """Add a format, or replace it. A text may be UTF-8; its line ends become line feeds."""
        if clipboard_format not in self.Formats:
            raise ValueError(
                f"a clipboard has the formats 1 (text), 2 (RTF) and 4 (HTML), not {clipboard_format}"
            )
        if clipboard_format == self.Format_Text:
            text = value if isinstance(value, str) else bytes(value).decode("utf-8")
            self.formats[clipboard_format] = text.replace("\r\n", "\n")
        elif isinstance(value, bytes | bytearray):
            self.formats[clipboard_format] = bytes(value)
        else:
            raise TypeError(f"format {clipboard_format} of a clipboard is bytes, not {type(value).__name__}")

    @property
    def text(self) -> str | None:
        """The text; None if it has none."""
        value = self.formats.get(self.Format_Text)
        return value if isinstance(value, str) else None

    def format_flags(self) -> int:
        """Return the formats that it has, as one number."""
        return sum(self.formats)

    def wire_data(self, clipboard_format: int) -> bytes:
        """Return a format as the extended clipboard sends it (rfbproto, ClientCutText). Raises: KeyError."""
        value = self.formats[clipboard_format]
        return value if isinstance(value, bytes) else value.replace("\n", "\r\n").encode("utf-8") + b"\0"

    def to_clipboard(self) -> Clipboard:
        """Return it as a publication takes it. Raises: CairoVNCError if there is too much in it."""
        rtf, html = self.formats.get(self.Format_RTF), self.formats.get(self.Format_HTML)
        try:
            return Clipboard(
                self.text,
                rtf if isinstance(rtf, bytes) else None,
                html.decode("utf-8", "replace") if isinstance(html, bytes) else None,
            )
        except ValueError as error:
            raise CairoVNCError(str(error)) from error


def clipboard_value(value: str | bytes | VNCClipboard) -> VNCClipboard:
    """Return a text as a clipboard, and a clipboard as it is."""
    return value if isinstance(value, VNCClipboard) else VNCClipboard({VNCClipboard.Format_Text: value})

"""What one client and the server have told each other of their clipboards.

Owns: when which of them is told, asked or answered; `mpvnc.rfb.clipboard` has the bytes. Pure.

The rules:

1. A client is told of the server's clipboard once ServerInit is through, if there is one then, and of every change:
   by ServerCutText, or, once it has listed the extended clipboard, by `notify`; the contents are for those who ask.
2. A text that Latin-1 does not have is not told to a client that takes nothing else: half of it is no use.
3. What a client has, it is not told: neither what it was told last nor what came from it.
4. Whatever a client asks for, however often, is owed to it once: the newest clipboard, when its socket takes it.
5. What a client's own clipboard has is asked for as soon as it tells, unless nobody takes its input.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from mpvnc.constants import ClipboardFlag
from mpvnc.errors import EncodeError, ProtocolError
from mpvnc.rfb import clipboard as wire
from mpvnc.rfb import events
from mpvnc.rfb.writers import server_cut_text
from mpvnc.session.clipboard import Clipboard, cleaned

_Marks = Mapping[int, int]
"""What stands for contents, by format: a hash of them."""


_KINDS = (ClipboardFlag.TEXT, ClipboardFlag.RTF, ClipboardFlag.HTML)


def _marks(clipboard: Clipboard) -> dict[int, int]:
    """Return what stands for the contents: nobody keeps a stranger's clipboard to compare it."""
    values = (clipboard.text, clipboard.rtf, clipboard.html)
    return {kind.value: hash(value) for kind, value in zip(_KINDS, values, strict=True) if value is not None}


@dataclass(frozen=True, slots=True)
class IgnoredClipboard:
    """A client's clipboard message that was not understood, or not allowed; nothing else comes of it."""

    reason: str


class Offer:
    """The server's clipboard as it goes out: every message of it is made once, for all clients."""

    def __init__(self, clipboard: Clipboard) -> None:
        self.clipboard = clipboard
        self.marks = _marks(clipboard)
        self.formats = sum(self.marks)
        self._provided: dict[int, bytes] = {}

    @cached_property
    def cut_text(self) -> bytes:
        """The ServerCutText for those who take text alone; empty if there is no such text in Latin-1."""
        if self.clipboard.text is None:
            return b""
        try:
            return server_cut_text(self.clipboard.text)
        except EncodeError:
            return b""

    @cached_property
    def contents(self) -> dict[int, bytes]:
        """The bytes of each format on the wire."""
        clipboard, contents = self.clipboard, {}
        if clipboard.text is not None:
            contents[ClipboardFlag.TEXT.value] = wire.text_to_wire(clipboard.text)
        if clipboard.rtf is not None:
            contents[ClipboardFlag.RTF.value] = clipboard.rtf
        if clipboard.html is not None:
            contents[ClipboardFlag.HTML.value] = clipboard.html.encode("utf-8", "replace")
        return contents

    def provide(self, formats: int) -> bytes:
        """Return the message with the contents in those of `formats` that there are; empty if there are none."""
        formats &= self.formats
        if formats and formats not in self._provided:
            chosen = {kind: data for kind, data in self.contents.items() if kind & formats}
            self._provided[formats] = wire.provide(chosen)
        return self._provided.get(formats, b"")


NOTHING = Offer(Clipboard())
_UNTOLD = wire.Caps()


class Announcements:
    """The clipboards of one client and the server.

    Args:
        limit_bytes: of one format that the client gives.
    """

    __slots__ = (
        "_asked", "_caps", "_has_peeked", "_is_extended", "_is_open", "_known", "_limit_bytes", "_offer", "_wanted",
        "_wants_telling", "is_due",
    )  # fmt: skip

    def __init__(self, limit_bytes: int) -> None:
        self.is_due = False
        """Whether `data_to_send` has something."""
        self._limit_bytes = limit_bytes
        self._is_open = False
        self._is_extended = False
        self._caps = _UNTOLD
        self._offer = NOTHING
        self._known: _Marks | None = NOTHING.marks
        """What the client's clipboard holds, as far as it matters; None if that is not known."""
        self._wants_telling = self._has_peeked = False
        self._asked = 0
        """Formats that the client is owed."""
        self._wanted = 0
        """Formats that the client is to be asked for."""

    def begin(self) -> None:
        """Note that ServerInit goes out."""
        self._is_open = True
        if self._offer.marks:
            self._tell()

    def list_encodings(self, *, is_extended: bool) -> bytes:
        """Note a SetEncodings; return what answers it at once."""
        is_new = is_extended and not self._is_extended
        self._is_extended = is_extended
        if not is_extended:
            self._asked = self._wanted = 0
            self._has_peeked = False
            return b""
        if is_new:
            self._caps = _UNTOLD
            if self._offer.marks:
                self._tell()
        return wire.caps()

    def announce(self, offer: Offer) -> None:
        """Note that the server's clipboard is another one."""
        self._offer = offer
        if self._is_open and not self._holds(offer):
            self._tell()

    def handle(
        self, event: events.ClientCutText | events.ExtendedCutText, *, is_taken: bool
    ) -> Clipboard | IgnoredClipboard | None:
        """Take what the client says of its clipboard, or asks of the server's; return what others are to hear of it.

        Args:
            is_taken: whether anybody takes what this client gives.
        """
        if isinstance(event, events.ClientCutText):
            return self.hear_text(event.text) if is_taken else None
        try:
            return self.hear(event.data, is_taken=is_taken)
        except ProtocolError as error:
            return IgnoredClipboard(str(error))

    def hear_text(self, text: str) -> Clipboard:
        """Take a ClientCutText; return what the client's clipboard has."""
        clipboard = Clipboard(cleaned(text))
        self._known = _marks(clipboard)
        return clipboard

    def hear(self, data: bytes, *, is_taken: bool) -> Clipboard | None:
        """Take an extended message, flags and body; return what the client's clipboard has, if that is told.

        Raises: ProtocolError; it costs no more than the message.
        """
        if not self._is_extended:
            raise ProtocolError("an extended clipboard message that was not negotiated")
        match wire.read(data, self._limit_bytes):
            case wire.Caps() as caps:
                self._caps = caps
            case wire.Request(formats):
                self._asked |= formats & self._offer.formats
            case wire.Peek():
                self._has_peeked = True
            case wire.Notify(formats):
                self._known = None
                if is_taken and self._caps.actions & ClipboardFlag.REQUEST:
                    self._wanted = formats & wire.FORMATS
            case wire.Provide(contents):
                return self._take(contents) if is_taken else None
        self.is_due = bool(self._wants_telling or self._has_peeked or self._asked or self._wanted)
        return None

    def data_to_send(self) -> bytes:
        """Return what is due, once."""
        data = b""
        if self._wanted:
            data += wire.request(self._wanted)
        if self._wants_telling or self._has_peeked:
            data += self._news()
        if self._asked:
            data += self._offer.provide(self._asked)
        self._asked = self._wanted = 0
        self.is_due = self._wants_telling = self._has_peeked = False
        return data

    def _tell(self) -> None:
        self._known = self._offer.marks
        self._wants_telling = self.is_due = True

    def _news(self) -> bytes:
        """Return what tells the client that there is something new, or what there is if it has peeked."""
        caps, offer = self._caps, self._offer
        if not self._is_extended:
            return offer.cut_text
        if self._has_peeked or caps.actions & ClipboardFlag.NOTIFY:
            return wire.notify(offer.formats & caps.formats)
        if not caps.actions & ClipboardFlag.PROVIDE:
            return b""
        return offer.provide(
            sum(kind for kind, data in offer.contents.items() if len(data) <= caps.sizes.get(kind, 0))
        )

    def _holds(self, offer: Offer) -> bool:
        """Whether the client's clipboard has what is offered: all of it, and something."""
        known = self._known
        if known is None:
            return False
        return offer.marks.items() <= known.items() and bool(offer.marks or not known)

    def _take(self, contents: Mapping[int, bytes]) -> Clipboard | None:
        text, rtf, html = (contents.get(kind) for kind in _KINDS)
        clipboard = Clipboard(
            None if text is None else cleaned(wire.text_from_wire(text)),
            rtf,
            None if html is None else html.decode("utf-8", "replace"),
        )
        self._known = _marks(clipboard)
        return clipboard if contents else None

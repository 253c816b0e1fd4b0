"""What a client can say, as values. No behaviour lives here; numbers are as they came on the wire.

Source: RFC 6143 sections 7.1 to 7.5; rfbproto "Client to Server Messages" for the last three,
"VeNCrypt" for StartTls and Credentials.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from mpvnc.geometry import Rect
from mpvnc.pixels import PixelFormat

Version = tuple[int, int]
"""Of the protocol, as spoken: (3, 3), (3, 7) or (3, 8)."""


class Screen(NamedTuple):
    """One screen of a desktop's layout: rfbproto "ExtendedDesktopSize Pseudo-encoding", SCREEN.

    Identifier and flags belong to whoever set them and are kept as they are.
    """

    id: int
    rect: Rect
    flags: int


@dataclass(frozen=True, slots=True)
class Authenticated:
    """The security handshake succeeded; a view-only client may watch and do nothing else."""

    view_only: bool


@dataclass(frozen=True, slots=True)
class StartTls:
    """As soon as everything is sent, TLS begins; `Connection.encrypted` is to be called when its handshake is over."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user wants in; `Connection.judge` is to be called with what the user may do. Input is kept until then."""

    user: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class WrongPassword:
    """The challenge was answered wrongly. Input is discarded until the caller calls `Connection.refuse`."""


@dataclass(frozen=True, slots=True)
class ClientInit:
    """The client waits for ServerInit; not `shared` means that it asks to be the only one."""

    shared: bool


@dataclass(frozen=True, slots=True)
class SetPixelFormat:
    """From now on pixels are to be sent in this (true-colour) format."""

    format: PixelFormat


@dataclass(frozen=True, slots=True)
class SetEncodings:
    """The client's whole list, in its order, with duplicates and unknown numbers; replaces the last one."""

    encodings: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class FramebufferUpdateRequest:
    """A request for `rect`, which may lie outside the framebuffer or be empty."""

    incremental: bool
    rect: Rect


@dataclass(frozen=True, slots=True)
class KeyEvent:
    """A key, named by its X keysym, went down or up."""

    down: bool
    keysym: int


@dataclass(frozen=True, slots=True)
class PointerEvent:
    """The pointer is at x, y (perhaps outside the framebuffer); bit n of the mask is button n + 1."""

    button_mask: int
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class ClientCutText:
    """The client's clipboard, of Latin-1 characters and line feeds; may be empty."""

    text: str


@dataclass(frozen=True, slots=True)
class ExtendedCutText:
    """A message of the extended clipboard, unread: `clipboard.read` knows what it says."""

    data: bytes


@dataclass(frozen=True, slots=True)
class SkippedCutText:
    """A ClientCutText whose contents are not kept: `Connection.keeps_text` is off. Its end may still have to come."""

    length: int


@dataclass(frozen=True, slots=True)
class EnableContinuousUpdates:
    """Updates of `rect` are to be sent without requests, or, if not `enable`, no longer."""

    enable: bool
    rect: Rect


@dataclass(frozen=True, slots=True)
class Fence:
    """A ClientFence: flags as `constants.FenceFlag`, unknown bits included; at most 64 bytes of payload."""

    flags: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class SetDesktopSize:
    """The client asks for a framebuffer of this size and layout; neither is checked."""

    width: int
    height: int
    screens: tuple[Screen, ...]


Message = (
    SetPixelFormat
    | SetEncodings
    | FramebufferUpdateRequest
    | KeyEvent
    | PointerEvent
    | ClientCutText
    | ExtendedCutText
    | SkippedCutText
    | EnableContinuousUpdates
    | Fence
    | SetDesktopSize
)
"""What a client says once the handshake is over."""

Event = Authenticated | StartTls | Credentials | WrongPassword | ClientInit | Message
"""What `Connection.receive_data` returns."""

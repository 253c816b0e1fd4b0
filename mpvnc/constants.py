"""The numbers of the wire, by the names that the specification gives them.

Sources: RFC 6143; the community specification (rfbproto.rst) for everything above it.
"""

from enum import IntEnum, IntFlag

VERSION_BYTES = 12
CHALLENGE_BYTES = 16
TILE = 64
"""Side of a damage tile and of a ZRLE tile, in pixels."""


class SecurityType(IntEnum):
    """RFC 6143 section 7.1.2, rfbproto "Security Types"."""

    INVALID = 0
    NONE = 1
    VNC_AUTHENTICATION = 2
    TIGHT = 16
    VENCRYPT = 19


class VeNCryptSubtype(IntEnum):
    """rfbproto "VeNCrypt"; security types None and VNC Authentication are subtypes too."""

    PLAIN = 256
    X509_NONE = 260
    X509_VNC = 261
    X509_PLAIN = 262


class SecurityResult(IntEnum):
    """RFC 6143 section 7.1.3."""

    OK = 0
    FAILED = 1


class ClientMessage(IntEnum):
    """Message types that a client sends: RFC 6143 section 7.5, rfbproto "Client to Server Messages"."""

    SET_PIXEL_FORMAT = 0
    SET_ENCODINGS = 2
    FRAMEBUFFER_UPDATE_REQUEST = 3
    KEY_EVENT = 4
    POINTER_EVENT = 5
    CLIENT_CUT_TEXT = 6
    ENABLE_CONTINUOUS_UPDATES = 150
    CLIENT_FENCE = 248
    SET_DESKTOP_SIZE = 251


class ServerMessage(IntEnum):
    """Message types that a server sends: RFC 6143 section 7.6, rfbproto "Server to Client Messages"."""

    FRAMEBUFFER_UPDATE = 0
    SET_COLOUR_MAP_ENTRIES = 1
    BELL = 2
    SERVER_CUT_TEXT = 3
    END_OF_CONTINUOUS_UPDATES = 150
    SERVER_FENCE = 248


class Encoding(IntEnum):
    """Encodings and pseudo-encodings: RFC 6143 sections 7.7 and 7.8, rfbproto "Encodings"."""

    RAW = 0
    COPY_RECT = 1
    RRE = 2
    HEXTILE = 5
    ZLIB = 6
    TIGHT = 7
    ZRLE = 16
    JPEG = 21
    JPEG_QUALITY_LEVEL_9 = -23
    JPEG_QUALITY_LEVEL_0 = -32
    DESKTOP_SIZE = -223
    LAST_RECT = -224
    POINTER_POS = -232
    CURSOR = -239
    X_CURSOR = -240
    COMPRESSION_LEVEL_9 = -247
    COMPRESSION_LEVEL_0 = -256
    DESKTOP_NAME = -307
    EXTENDED_DESKTOP_SIZE = -308
    FENCE = -312
    CONTINUOUS_UPDATES = -313
    CURSOR_WITH_ALPHA = -314
    APPLE_PUSH = 1011
    EXTENDED_CLIPBOARD = 0xC0A1E5CE - (1 << 32)


class ClipboardFlag(IntFlag):
    """Formats and actions of a clipboard message: rfbproto "Extended Clipboard Pseudo-Encoding"."""

    TEXT = 1
    RTF = 2
    HTML = 4
    DIB = 8
    FILES = 16
    CAPS = 1 << 24
    REQUEST = 1 << 25
    PEEK = 1 << 26
    NOTIFY = 1 << 27
    PROVIDE = 1 << 28


class FenceFlag(IntFlag):
    """Flags of a fence: rfbproto "ClientFence"."""

    BLOCK_BEFORE = 1
    BLOCK_AFTER = 2
    SYNC_NEXT = 4
    REQUEST = 1 << 31


FENCE_SUPPORTED = FenceFlag.BLOCK_BEFORE | FenceFlag.BLOCK_AFTER | FenceFlag.SYNC_NEXT
FENCE_PAYLOAD_BYTES = 64


class ResizeReason(IntEnum):
    """Reason of an ExtendedDesktopSize rectangle, in its x field."""

    SERVER = 0
    THIS_CLIENT = 1
    OTHER_CLIENT = 2


class ResizeStatus(IntEnum):
    """Status of an ExtendedDesktopSize rectangle, in its y field."""

    OK = 0
    PROHIBITED = 1
    OUT_OF_RESOURCES = 2
    INVALID_LAYOUT = 3
    FORWARDED = 4

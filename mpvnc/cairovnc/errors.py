"""The errors by CairoVNC's names. All of them are PublishErrors too."""

from mpvnc.errors import PublishError


class CairoVNCError(PublishError):
    """The base of what this interface raises."""


class CairoVNCBadPixelFormatError(CairoVNCError):
    """Never raised: a viewer with an impossible pixel format is refused by the server. For programs that catch it."""


class CairoVNCBadSurfaceFormatError(CairoVNCError):
    """A surface that cannot be shown, or be a cursor."""


class CairoVNCBadCursorError(CairoVNCError):
    """A cursor whose parts contradict each other."""

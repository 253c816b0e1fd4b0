"""What a program has said besides frames, for a server that comes back knowing nothing of it."""

from __future__ import annotations

from mpvnc.errors import PublishError
from mpvnc.pixels import Pixels
from mpvnc.pointer import Cursor
from mpvnc.publisher.link import Link


class Told:
    """The newest of everything.

    Attributes:
        name: of the desktop, if it was changed.
        cursor: its only item, if it was changed.
        clipboard: packed, if there is one.
        frame: the last one of a server that went away.
    """

    def __init__(self) -> None:
        self.name: str | None = None
        self.cursor: tuple[Cursor | None] | None = None
        self.clipboard: bytes | None = None
        self.frame: Pixels | None = None

    def tell(self, link: Link) -> None:
        """Say it all again, or as much as it hears before it ends. Raises: PublishError if it refuses any of it."""
        try:
            if self.name is not None:
                link.rename(self.name)
            if self.cursor is not None:
                link.point(*self.cursor)
            if self.clipboard is not None:
                link.send_clipboard(self.clipboard)
            if self.frame is not None:
                link.publish(self.frame, None)
        except PublishError:
            if not link.is_gone:
                raise

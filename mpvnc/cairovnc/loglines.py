"""What the log of a server tells of its viewers. Pure; `mpvnc.log` owns the format."""

from __future__ import annotations

import re
from typing import NamedTuple

_LINE = re.compile(r"\S+ ([A-Z]+) \S+\[\d+\] (\S+) (.*)")
_LEFT = " left: "
_QUIET = ("DEBUG", "INFO")


class Said(NamedTuple):
    """A line of the log.

    Attributes:
        client: whom it is about; None for nobody.
        is_quiet: whether it is only for who wants to know.
    """

    message: str
    client: int | None = None
    is_quiet: bool = False

    @property
    def has_left(self) -> bool:
        """Whether it says that its client is gone."""
        return self.client is not None and _LEFT in self.message


def said(line: str) -> Said:
    """Return what a line says; one of a traceback is about nobody, and not quiet."""
    found = _LINE.fullmatch(line)
    if found is None:
        return Said(line)
    level, client, message = found.groups()
    return Said(message, int(client) if client.isdigit() else None, level in _QUIET)

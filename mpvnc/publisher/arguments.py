"""What a program says besides pixels: where it drew, what moved, names, settings, passwords.

What can be seen to be wrong is told here, before a server is started or asked.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Iterable, Mapping

from mpvnc.config import Secrets, check_secrets, is_name
from mpvnc.damage import Move
from mpvnc.errors import ConfigError, PublishError
from mpvnc.geometry import Rect
from mpvnc.session.clipboard import Clipboard

MAX_NAME = 1000
VNC_PASSWORD_CHARACTERS = 8

logger = logging.getLogger(__name__)


def rects_of(damage: Iterable[tuple[int, int, int, int]] | None) -> list[Rect] | None:
    """Return the rectangles; None for None. Raises: PublishError if they are none."""
    if damage is None:
        return None
    try:
        return [_cover(*rect) for rect in damage]
    except (TypeError, ValueError, OverflowError) as error:
        raise PublishError("damage is a list of rectangles (x, y, width, height)") from error


def checked_name(name: str) -> str:
    """Return a desktop's name if it can be told. Raises: PublishError."""
    if not isinstance(name, str) or len(name) > MAX_NAME:
        told = f"{len(name)} characters" if isinstance(name, str) else f"a {type(name).__name__}"
        raise PublishError(f"a name is a str of at most {MAX_NAME} characters, not {told}")
    return name


def checked_label(what: str, label: str | None) -> str | None:
    """Return the name of a surface or of a server, if it can be one. Raises: PublishError."""
    if label is None or is_name(label):
        return label
    raise PublishError(
        f"{what}={label!r:.60} is no name: up to 48 of A-Z, a-z, 0-9, '.', '_' and '-', not beginning with a sign"
    )


def checked_settings(settings: Mapping[str, object] | None) -> dict[str, object]:
    """Return the settings if their keys look like it; what they mean the server knows. Raises: PublishError."""
    if settings is None:
        return {}
    if not isinstance(settings, Mapping):
        raise PublishError(
            f"settings are a dict such as {{'server.workers': 2}}, not a {type(settings).__name__}"
        )
    for key in settings:
        if not (isinstance(key, str) and "." in key):
            raise PublishError(f"settings: {key!r:.60} is no key, which is 'section.key'")
    try:
        json.dumps(dict(settings))
    except (TypeError, ValueError) as error:
        raise PublishError(f"settings: {error}") from None
    return dict(settings)


def checked_passwords(password: str | None, view_only_password: str | None) -> dict[str, str | None]:
    """Return the passwords if viewers can give them; one that they give in part is warned about.

    Raises: PublishError, without them.
    """
    passwords = {"password": password, "view_only_password": view_only_password}
    for name, value in passwords.items():
        if not (value is None or isinstance(value, str)):
            raise PublishError(f"{name}: a str or None is expected, not a {type(value).__name__}")
        if value == "":
            raise PublishError(f"{name}: an empty one would let everybody in; None is for that")
    try:
        check_secrets(Secrets(**passwords), *passwords)
    except ConfigError as error:
        raise PublishError(str(error)) from None
    for name, value in passwords.items():
        if value is not None and len(value) > VNC_PASSWORD_CHARACTERS:
            logger.warning(
                "%s: of a VNC password the first %d characters count", name, VNC_PASSWORD_CHARACTERS
            )
    return passwords


def clipboard_of(text: str) -> Clipboard:
    """Return a text as a clipboard. Raises: PublishError if it is too long."""
    try:
        return Clipboard(text=text)
    except ValueError as error:
        raise PublishError(str(error)) from None


def _cover(x: float, y: float, width: float, height: float) -> Rect:
    """Return the pixels that a rectangle touches; cairo's extents are no integers."""
    if type(x) is type(y) is type(width) is type(height) is int:
        return Rect(x, y, width, height)
    left, top = math.floor(x), math.floor(y)
    return Rect(left, top, math.ceil(x + width) - left, math.ceil(y + height) - top)


def moves_of(moves: Iterable[tuple[int, int, int, int, int, int]]) -> list[Move]:
    """Return the moves. Raises: PublishError if they are none."""
    try:
        return [
            Move(Rect(int(x), int(y), int(width), int(height)), int(dx), int(dy))
            for x, y, width, height, dx, dy in moves
        ]
    except (TypeError, ValueError, OverflowError) as error:
        raise PublishError("moves is a list of (x, y, width, height, dx, dy)") from error

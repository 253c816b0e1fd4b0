"""What a program says besides pixels: where it drew, what moved, its name, its passwords."""

from __future__ import annotations

import math
from collections.abc import Iterable

from mpvnc.config import Secrets, check_secrets
from mpvnc.damage import Move
from mpvnc.errors import ConfigError, PublishError
from mpvnc.geometry import Rect

MAX_NAME = 1000


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


def checked_passwords(password: str | None, view_only_password: str | None) -> dict[str, str | None]:
    """Return the passwords if viewers can give them. Raises: PublishError, without them."""
    passwords = {"password": password, "view_only_password": view_only_password}
    for name, value in passwords.items():
        if not (value is None or isinstance(value, str)):
            raise PublishError(f"{name}: a str or None is expected, not a {type(value).__name__}")
    try:
        check_secrets(Secrets(**passwords), *passwords)
    except ConfigError as error:
        raise PublishError(str(error)) from None
    return passwords


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

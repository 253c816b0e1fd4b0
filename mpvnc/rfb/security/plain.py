"""A user's name and password as they are: rfbproto "VeNCrypt", "Plain subtype".

Owns the limits of both. Only to be offered where the stream is encrypted, which `mpvnc.rfb.offer` decides; who
is who, and how a password is checked, is told by whoever answers `Verify` (`mpvnc.rfb.security.users`).
"""

from __future__ import annotations

import struct

from mpvnc.rfb.security import Ask, Reject, Turn, Verify

USER_BYTES, PASSWORD_BYTES = 255, 1024
_LENGTHS = struct.Struct(">II")


class PlainAuthentication:
    """One user's name and password. They are read as UTF-8; what is none never matches."""

    def __init__(self) -> None:
        self._user_bytes: int | None = None

    def begin(self) -> Turn:
        """Ask for both lengths."""
        return Ask(b"", _LENGTHS.size)

    def go_on(self, answer: bytes) -> Turn:
        """Take the lengths, then name and password."""
        if self._user_bytes is not None:
            user, password = answer[: self._user_bytes], answer[self._user_bytes :]
            return Verify(user.decode("utf-8", "replace"), password.decode("utf-8", "replace"))
        user_bytes, password_bytes = _LENGTHS.unpack(answer)
        if user_bytes > USER_BYTES or password_bytes > PASSWORD_BYTES:
            return Reject(b"", f"a user name of {user_bytes} and a password of {password_bytes} bytes")
        self._user_bytes = user_bytes
        return Ask(b"", user_bytes + password_bytes, is_last=True)

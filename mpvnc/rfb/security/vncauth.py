"""Security type VNC Authentication (RFC 6143 section 7.2.2): DES over a challenge, keyed with the password.

What the scheme cannot do is no secret (56-bit keys, 8 characters, nothing encrypted afterwards). What is
owned here is that it is not made any weaker: both passwords are always compared, in constant time, and a
password whose key is the empty password's key is worth as much as none and never accepted.
"""

from __future__ import annotations

import hmac

from Crypto.Cipher import DES

from mpvnc.constants import CHALLENGE_BYTES
from mpvnc.errors import ConfigError
from mpvnc.rfb.security import Access, Ask, Turn, Verdict

PASSWORD_BYTES = 8
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
_PARITY_BIT = 1


def encode_password(password: str) -> bytes:
    """Return a password's bytes on the wire, Latin-1. Raises: ConfigError if it has other characters."""
    try:
        return password.encode("latin-1")
    except UnicodeEncodeError:
        raise ConfigError("a VNC password can only have characters of Latin-1") from None


def des_key(password: bytes) -> bytes:
    """Return the DES key of a password: its first 8 bytes, zero padded, the bits of each byte reversed."""
    return password[:PASSWORD_BYTES].ljust(PASSWORD_BYTES, b"\0").translate(_REVERSED)


def is_usable(password: bytes | None) -> bool:
    """Whether a client can be asked for `password`: it is set, and its key is not the empty password's.

    DES ignores the lowest bit of each key byte, so a password of bytes 00 and 80 has the empty one's key.
    """
    return password is not None and any(byte & ~_PARITY_BIT for byte in des_key(password))


def response(password: bytes, challenge: bytes) -> bytes:
    """Return the answer to `challenge` (16 bytes) that proves knowledge of `password`."""
    return DES.new(des_key(password), DES.MODE_ECB).encrypt(challenge)


class VncAuthentication:
    """One challenge, and the two passwords that may answer it.

    Args:
        password: grants full control; None or an unusable one grants nothing.
        view_only_password: grants watching, likewise. A password that is both grants full control.
        challenge: 16 fresh random bytes, used for nothing else.
    """

    def __init__(self, password: bytes | None, view_only_password: bytes | None, challenge: bytes) -> None:
        self._challenge = challenge
        self._password = password
        self._view_only_password = view_only_password

    def begin(self) -> Turn:
        """Ask for the answer to the challenge."""
        return Ask(self._challenge, CHALLENGE_BYTES, is_last=True)

    def go_on(self, answer: bytes) -> Turn:
        """Judge the answer."""
        return Verdict(self.judge(answer))

    def judge(self, answer: bytes) -> Access:
        """Return what `answer` grants; it takes as long whatever the answer is."""
        is_full = self._matches(self._password, answer)
        is_view_only = self._matches(self._view_only_password, answer)
        if is_full:
            return Access.FULL
        return Access.VIEW_ONLY if is_view_only else Access.DENIED

    def _matches(self, password: bytes | None, answer: bytes) -> bool:
        if password is None or not is_usable(password):
            return False
        return hmac.compare_digest(response(password, self._challenge), answer)

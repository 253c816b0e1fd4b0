"""Whether a security type may be offered on a connection, and if not, why. Pure; loads no cipher.

What is set decides who has to say what, and nothing is ever offered that asks for less:

| set | a viewer may | inside TLS as |
|---|---|---|
| neither password nor users | come in: None | X509None |
| a password | give it: VNC authentication | X509Vnc |
| users | give name and password, only where nobody can read them: Plain | X509Plain |

Tight is another wrapping of None and of VNC authentication.
"""

from __future__ import annotations

from dataclasses import dataclass

from mpvnc.constants import SecurityType, VeNCryptSubtype

PLAINLY = (SecurityType.NONE, SecurityType.VNC_AUTHENTICATION)
"""What is offered outside VeNCrypt."""
_ENCRYPTED = {
    "x509plain": VeNCryptSubtype.X509_PLAIN,
    "plain": VeNCryptSubtype.PLAIN,
    "x509vnc": VeNCryptSubtype.X509_VNC,
    "x509none": VeNCryptSubtype.X509_NONE,
}
UNENCRYPTED = {
    "vncauth": SecurityType.VNC_AUTHENTICATION,
    "none": SecurityType.NONE,
    "tight": SecurityType.TIGHT,
}
TYPES: dict[str, int] = {**_ENCRYPTED, **UNENCRYPTED}
"""Numbers of security types and of VeNCrypt's subtypes by their names in a configuration, best first."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a connection is, and who is let in there.

    Attributes:
        is_open: nobody has to say anything: there is neither a password nor a user.
        has_password: there is one that can be given.
        has_users: there are users with names.
        can_encrypt: TLS can begin on it.
        is_encrypted: nobody can read along: TLS goes around everything, or it never leaves this machine.
        must_encrypt: nobody is let in without encryption.
    """

    is_open: bool
    has_password: bool
    has_users: bool
    can_encrypt: bool
    is_encrypted: bool
    must_encrypt: bool


def why_not(kind: int, terms: Terms) -> str:
    """Return why a security type or subtype may not be offered, in words; "" if it may be."""
    if kind == SecurityType.TIGHT:
        reasons = [why_not(plain, terms) for plain in PLAINLY]
        return " and ".join(reasons) if all(reasons) else ""
    return _asks_too_little(kind, terms) or _can_be_read(kind, terms)


def _asks_too_little(kind: int, terms: Terms) -> str:
    match kind:
        case SecurityType.NONE | VeNCryptSubtype.X509_NONE:
            return "" if terms.is_open else "there are passwords or users"
        case SecurityType.VNC_AUTHENTICATION | VeNCryptSubtype.X509_VNC:
            return "" if terms.has_password else "there is no password"
        case VeNCryptSubtype.PLAIN | VeNCryptSubtype.X509_PLAIN:
            return "" if terms.has_users else "there are no users"
    return "it is not known"


def _can_be_read(kind: int, terms: Terms) -> str:
    if kind in PLAINLY:
        return "" if terms.is_encrypted or not terms.must_encrypt else "encryption is required"
    if kind == VeNCryptSubtype.PLAIN:
        return "" if terms.is_encrypted else "it is for UNIX sockets and https alone"
    return "" if terms.can_encrypt and not terms.is_encrypted else "TLS cannot begin there"

"""Which security types one client may choose from. A pure function of the handshake's settings.

Which of them may be is a matter of `terms`. VeNCrypt lists what begins with TLS where TLS can begin, Plain where
everything is encrypted already, and what is offered outside it: a viewer that knows none of the others can go on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from mpvnc.constants import CHALLENGE_BYTES, SecurityType, VeNCryptSubtype
from mpvnc.rfb.messages import Limits
from mpvnc.rfb.security import SecurityExchange
from mpvnc.rfb.security.none import NoAuthentication
from mpvnc.rfb.security.plain import PlainAuthentication
from mpvnc.rfb.security.tight import TightSecurity
from mpvnc.rfb.security.vencrypt import VeNCrypt
from mpvnc.rfb.security.vncauth import VncAuthentication, is_usable
from mpvnc.rfb.terms import PLAINLY, Terms, why_not

WANTS_ENCRYPTION = "This server wants encryption: use https, or a viewer that knows VeNCrypt with TLS"
WANTS_USER = "This server wants a user's name: use https, or a viewer that knows VeNCrypt with X509Plain"
NOTHING = "No security type is available"


@dataclass(frozen=True, slots=True)
class HandshakeSettings:
    """Who is let in to one connection.

    A password is Latin-1 bytes (`security.vncauth.encode_password`); None means that there is none. An empty
    one is a password that nobody can give: it shuts clients out, it does not let them in.
    """

    security_types: Sequence[int]
    """What may be offered, best first: numbers of security types and of VeNCrypt's subtypes (`constants`)."""
    password: bytes | None = field(repr=False)
    view_only_password: bytes | None = field(repr=False)
    view_only: bool
    """Whether every client may only watch, whatever it authenticated with."""
    challenge: bytes = field(repr=False)
    """16 bytes, fresh and random for each connection."""
    limits: Limits = field(default_factory=Limits)
    has_users: bool = False
    """Whether there are users with names. Whoever made these settings looks them up (`events.Credentials`)."""
    can_encrypt: bool = False
    """Whether TLS can begin on this connection (`events.StartTls`)."""
    is_encrypted: bool = False
    """Whether nobody can read along: TLS goes around everything, or it never leaves this machine."""
    must_encrypt: bool = False

    def __post_init__(self) -> None:
        if len(self.challenge) != CHALLENGE_BYTES:
            raise ValueError(f"a challenge has {CHALLENGE_BYTES} bytes, not {len(self.challenge)}")


def offered_exchanges(settings: HandshakeSettings) -> dict[int, SecurityExchange]:
    """Return what a client may choose from, by number, best first; empty if nothing is left.

    Fails closed: as soon as there is any password or user, None is not offered, whatever `security_types` says;
    VNC authentication is not offered without a password that can be given.
    """
    offered: dict[int, SecurityExchange] = {}
    subtypes: dict[int, SecurityExchange] = {}
    plain: dict[int, SecurityExchange] = {
        kind: exchange for kind in PLAINLY if (exchange := _exchange(kind, settings)) is not None
    }
    for kind in settings.security_types:
        if kind in plain:
            offered[kind] = plain[kind]
        elif kind == SecurityType.TIGHT and plain:
            inner, exchange = next(iter(plain.items()))
            offered[kind] = TightSecurity(exchange, is_none=inner == SecurityType.NONE)
        elif (chosen := _exchange(kind, settings)) is not None:
            subtypes[kind] = chosen
            offered.setdefault(SecurityType.VENCRYPT, VeNCrypt(subtypes))
    subtypes.update((kind, exchange) for kind, exchange in offered.items() if kind in PLAINLY)
    return offered


def why_nothing(settings: HandshakeSettings) -> str:
    """Return what to tell a client that can be offered nothing it knows."""
    if settings.must_encrypt and not settings.is_encrypted:
        return WANTS_ENCRYPTION
    return WANTS_USER if settings.has_users else NOTHING


def _exchange(kind: int, settings: HandshakeSettings) -> SecurityExchange | None:
    """Return the exchange of a type or subtype that may be offered here; None if it may not."""
    if why_not(kind, _terms(settings)):
        return None
    match kind:
        case SecurityType.NONE | VeNCryptSubtype.X509_NONE:
            return NoAuthentication()
        case SecurityType.VNC_AUTHENTICATION | VeNCryptSubtype.X509_VNC:
            return VncAuthentication(settings.password, settings.view_only_password, settings.challenge)
        case VeNCryptSubtype.PLAIN | VeNCryptSubtype.X509_PLAIN:
            return PlainAuthentication()
    return None


def _terms(settings: HandshakeSettings) -> Terms:
    passwords = settings.password, settings.view_only_password
    return Terms(
        is_open=passwords == (None, None) and not settings.has_users,
        has_password=any(map(is_usable, passwords)),
        has_users=settings.has_users,
        can_encrypt=settings.can_encrypt,
        is_encrypted=settings.is_encrypted,
        must_encrypt=settings.must_encrypt,
    )

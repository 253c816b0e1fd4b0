"""How long one client may take: for TLS, to authenticate, to shake hands, for the rest of a message."""

from __future__ import annotations

import math

from mpvnc.rfb.state import State
from mpvnc.session.settings import SessionSettings


class Deadlines:
    """What a client has begun, and when; `now` is monotonic seconds."""

    __slots__ = ("_began_at", "_began_tls_at", "_partial_since", "_settings")

    def __init__(self, settings: SessionSettings, now: float) -> None:
        self._settings = settings
        self._began_at = now
        self._began_tls_at = -math.inf
        self._partial_since = math.inf

    def began_tls(self, now: float) -> None:
        """Note that it is to begin TLS."""
        self._began_tls_at = now

    def authenticated(self, now: float) -> None:
        """Note that it is let in: what comes next has a time of its own."""
        self._began_at = now

    def received(self, now: float, *, has_partial: bool, has_whole: bool) -> None:
        """Note what came: the end of something whole, the beginning of a message whose rest is missing, or both."""
        if not has_partial:
            self._partial_since = math.inf
        elif has_whole or self._partial_since == math.inf:
            self._partial_since = now

    def next(self, state: State) -> tuple[float, str]:
        """Return when it has taken too long, and for what; infinity if it has all the time."""
        settings = self._settings
        if state is State.ENCRYPTION:
            return self._began_tls_at + settings.handshake_s, "the TLS handshake"
        if state in (State.AUTHENTICATION, State.VERDICT, State.FAILED) or self._reads_certificate(state):
            return self._began_at + settings.authentication_s, "authentication"
        if state is not State.NORMAL:
            return self._began_at + settings.handshake_s, "handshake"
        return self._partial_since + settings.message_s, "the rest of a message"

    def _reads_certificate(self, state: State) -> bool:
        """Whether somebody may have to look at our certificate before the viewer goes on."""
        return state is State.CLIENT_INIT and self._began_tls_at > -math.inf

"""What the configuration says about sessions, in the terms of the pure half."""

from __future__ import annotations

import functools
import os

from mpvnc.config import Config, Secrets
from mpvnc.constants import CHALLENGE_BYTES, Encoding, SecurityType
from mpvnc.encodings.wire import WireOptions, compression_bucket, wire_class
from mpvnc.rfb.handshake import HandshakeSettings
from mpvnc.rfb.messages import Limits
from mpvnc.rfb.security.vncauth import encode_password
from mpvnc.session.session import SessionSettings


def session_settings(config: Config, source: str) -> SessionSettings:
    """Return what every session is to know, with a source of that kind."""
    lowest, highest = config.encoding.compression_min, config.encoding.compression_max
    options = WireOptions(
        encodings=frozenset(Encoding[name.upper()] for name in config.encoding.enabled),
        jpeg=config.encoding.jpeg,
        compression_min=compression_bucket(lowest),
        compression_max=compression_bucket(highest),
    )
    return SessionSettings(
        handshake_s=config.timeouts.handshake_s,
        authentication_s=config.timeouts.authentication_s,
        message_s=config.timeouts.message_s,
        with_cursor=config.encoding.cursor,
        with_pointer=config.encoding.pointer,
        pushes=config.clients.push_requests,
        takes_clipboards=source == "publish",
        forwards_resize=source == "publish",
        wire_class=functools.partial(wire_class, options=options),
    )


def handshake_settings(config: Config, secrets: Secrets) -> HandshakeSettings:
    """Return what one new connection is to be asked, with a challenge of its own."""
    return HandshakeSettings(
        security_types=(SecurityType.VNC_AUTHENTICATION, SecurityType.NONE),
        password=encode_password(secrets.password) if secrets.password is not None else None,
        view_only_password=(
            encode_password(secrets.view_only_password) if secrets.view_only_password is not None else None
        ),
        view_only=config.security.view_only,
        challenge=os.urandom(CHALLENGE_BYTES),
        limits=Limits(config.limits.max_set_encodings, config.limits.max_client_cut_text),
    )

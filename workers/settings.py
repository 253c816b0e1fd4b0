"""What the configuration says about sessions, in the terms of the pure half."""

from __future__ import annotations

import functools
import os
import ssl

from mpvnc.config import Config, Secrets, Security
from mpvnc.constants import CHALLENGE_BYTES, Encoding
from mpvnc.encodings.wire import WireOptions, compression_bucket, wire_class
from mpvnc.ipc.control import Message
from mpvnc.ipc.memory import descriptor_path
from mpvnc.rfb.messages import Limits
from mpvnc.rfb.offer import WANTS_ENCRYPTION, HandshakeSettings
from mpvnc.rfb.security.users import Users, parse_users
from mpvnc.rfb.security.vncauth import encode_password
from mpvnc.rfb.terms import TYPES, UNENCRYPTED
from mpvnc.session.settings import SessionSettings
from mpvnc.transport.tls import server_context


def security_types(security: Security) -> tuple[int, ...]:
    """Return what may be offered, best first; most viewers take the first one that they know.

    Some viewers take VeNCrypt wherever it is offered, and then fail with a certificate that nobody vouches for.
    Unless `security.types` says otherwise it is for operators who brought a certificate, have users, whose names
    and passwords need it, or want nothing else.
    """
    if security.types:
        return tuple(TYPES[name] for name in security.types)
    wants_tls = security.tls_cert or security.users_file or security.require_encryption
    return tuple((TYPES if wants_tls else UNENCRYPTED).values())


def refusal_in_clear(config: Config, *, is_encrypted: bool) -> str:
    """Return why nothing is said to a browser over this connection, in words; "" if it may be."""
    return WANTS_ENCRYPTION if config.security.require_encryption and not is_encrypted else ""


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


def handshake_settings(
    config: Config, secrets: Secrets, *, can_encrypt: bool = False, is_encrypted: bool = False
) -> HandshakeSettings:
    """Return what one new connection is to be asked, with a challenge of its own.

    Args:
        can_encrypt: whether TLS can begin on it.
        is_encrypted: whether nobody can read along as it is: inside TLS, or on a UNIX socket.
    """
    return HandshakeSettings(
        security_types=security_types(config.security),
        password=encode_password(secrets.password) if secrets.password is not None else None,
        view_only_password=(
            encode_password(secrets.view_only_password) if secrets.view_only_password is not None else None
        ),
        view_only=config.security.view_only,
        challenge=os.urandom(CHALLENGE_BYTES),
        has_users=bool(config.security.users_file),
        can_encrypt=can_encrypt,
        is_encrypted=is_encrypted,
        must_encrypt=config.security.require_encryption,
        limits=Limits(config.limits.max_set_encodings, config.limits.max_client_cut_text),
    )


def read_security(message: Message, fds: list[int]) -> tuple[ssl.SSLContext | None, Users]:
    """Return what a `security` message brings; the descriptors stay the caller's.

    Raises: OSError, ConfigError if it cannot be used.
    """
    unread = list(fds)
    context = server_context(descriptor_path(unread.pop(0))) if message["certificate"] else None
    if not message["users"]:
        return context, {}
    with open(descriptor_path(unread.pop(0)), encoding="utf-8") as file:
        return context, parse_users(file.read())

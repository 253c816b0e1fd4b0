"""What a configuration must not ask for, whatever its keys say one by one."""

from __future__ import annotations

from collections.abc import Sequence

from mpvnc.config import Config, Secrets
from mpvnc.errors import ConfigError
from mpvnc.rfb.terms import TYPES, Terms, why_not
from mpvnc.supervisor.listeners import WEB, TcpSpec, UnixSpec, is_exposed, parse_listeners
from mpvnc.web.rules import is_origin

_BROUGHT = (TcpSpec("", 0), UnixSpec(""))
"""What viewers may come by where nothing is listened on: a program brings them."""


def wants_https(config: Config, secrets: Secrets) -> bool:
    """Whether a browser gets nowhere over http: everything is to be encrypted, or there are users alone."""
    security = config.security
    return security.require_encryption or (bool(security.users_file) and not _has_password(secrets))


def check(config: Config, secrets: Secrets) -> None:
    """Refuse what would serve everybody everything by mistake, or nobody anything, and listeners that could never
    show anything.

    Raises: ConfigError if a listener is reachable from elsewhere without authentication or an explicit
        `security.allow_none`, is malformed, or is for a named surface where programs cannot publish any; if no
        viewer could come in; if a page is allowed that no browser can name.
    """
    specs = parse_listeners(config.server)
    has_password = _has_password(secrets) or bool(config.security.users_file)
    exposed = [spec for spec in specs if is_exposed(spec)]
    if exposed and not has_password and not config.security.allow_none:
        raise ConfigError(
            f"{exposed[0]} can be reached from other machines without a password: set security.password_file "
            "or MPVNC_PASSWORD, or security.allow_none: true if everybody may"
        )
    named = [spec.surface for spec in specs if spec.surface]
    if named and config.source.kind != "publish":
        raise ConfigError(
            f"server.listeners: #{named[0]}: only with source.kind: publish surfaces have names"
        )
    _check_entrance(config, secrets, specs or _BROUGHT)
    for origin in config.websocket.allowed_origins:
        if not is_origin(origin):
            raise ConfigError(
                f"websocket.allowed_origins: {origin}: expected scheme://host or scheme://host:port"
            )


def _has_password(secrets: Secrets) -> bool:
    return secrets.password is not None or secrets.view_only_password is not None


def _check_entrance(config: Config, secrets: Secrets, specs: Sequence[TcpSpec | UnixSpec]) -> None:
    """Refuse security settings that let in no viewer at any listener, or no browser where all are for browsers.

    Raises: ConfigError that says for each security type why it is not offered.
    """
    native = [spec for spec in specs if spec.speaks != WEB]
    ways = [_viewer_terms(config, secrets, spec) for spec in native]
    by_web = [terms for spec in specs for terms in _browser_terms(config, secrets, spec)]
    names: Sequence[str] = config.security.types or list(TYPES)
    if _is_any_open(names, ways or by_web):
        return
    if not config.security.types:
        raise ConfigError(
            "security.users_file: no viewer could come in: users log in inside TLS or on UNIX sockets alone, and "
            "security.tls is false"
        )
    reasons = dict.fromkeys(
        f"{name}: {why_not(TYPES[name], terms)}" for name in names for terms in ways or by_web
    )
    hint = " (for browsers alone: web: in front of the listeners)" if _is_any_open(names, by_web) else ""
    raise ConfigError(f"security.types: no viewer could come in: {'; '.join(reasons)}{hint}")


def _is_any_open(names: Sequence[str], ways: Sequence[Terms]) -> bool:
    return any(not why_not(TYPES[name], terms) for name in names for terms in ways)


def _viewer_terms(config: Config, secrets: Secrets, spec: TcpSpec | UnixSpec) -> Terms:
    return _terms(config, secrets, can_encrypt=config.security.tls, is_encrypted=isinstance(spec, UnixSpec))


def _browser_terms(config: Config, secrets: Secrets, spec: TcpSpec | UnixSpec) -> list[Terms]:
    """Return what holds for WebSockets, over https first; TLS never begins inside them."""
    is_private = isinstance(spec, UnixSpec)
    kinds = [True] if is_private else [True, False] if config.security.tls else [False]
    return [_terms(config, secrets, can_encrypt=False, is_encrypted=kind) for kind in kinds]


def _terms(config: Config, secrets: Secrets, *, can_encrypt: bool, is_encrypted: bool) -> Terms:
    has_password, has_users = _has_password(secrets), bool(config.security.users_file)
    return Terms(
        is_open=not (has_password or has_users),
        has_password=has_password,
        has_users=has_users,
        can_encrypt=can_encrypt,
        is_encrypted=is_encrypted,
        must_encrypt=config.security.require_encryption,
    )

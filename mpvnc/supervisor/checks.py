"""What a configuration must not ask for, whatever its keys say one by one."""

from __future__ import annotations

from mpvnc.config import Config, Secrets
from mpvnc.errors import ConfigError
from mpvnc.supervisor.listeners import is_exposed, parse_listeners


def check(config: Config, secrets: Secrets) -> None:
    """Refuse what would serve everybody everything by mistake, and listeners that could never show anything.

    Raises: ConfigError if a listener is reachable from elsewhere without authentication or an explicit
        `security.allow_none`, is malformed, or is for a named surface where programs cannot publish any.
    """
    specs = parse_listeners(config.server)
    has_password = secrets.password is not None or secrets.view_only_password is not None
    has_password = has_password or bool(config.security.users_file)
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

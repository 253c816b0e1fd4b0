"""Where a supervisor's configuration comes from: a file, the command line, and the program whose server it is.

Owns what that program has asked for since the start. Reads through `mpvnc.config` alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mpvnc.config import Config, Secrets, check_secrets, override

Load = Callable[[list[str]], tuple[Config, Secrets, list[str]]]
"""Reads with these overrides on top; returns secrets and warnings too. Raises ConfigError."""
PASSWORDS = ("password", "view_only_password")


class Configuration:
    """Read anew by each call; raises ConfigError as `load` does.

    Args:
        sent: the passwords that the program sent first; without any, those that `load` finds count.
    """

    def __init__(self, load: Load, sent: Secrets | None = None) -> None:
        self._load = load
        self._overrides: list[str] = []
        self._sent = sent or Secrets()

    def __call__(self) -> tuple[Config, Secrets, list[str]]:
        """Return configuration, secrets, and warnings about them."""
        loaded, secrets, warnings = self._load(self._overrides)
        has_sent = self._sent.password or self._sent.view_only_password
        return loaded, self._sent if has_sent else secrets, warnings

    def amend(
        self, settings: Mapping[str, object], passwords: Mapping[str, str | None] | None
    ) -> Callable[[], None]:
        """Put `settings` on top from now on, and other passwords if given; return what undoes it.

        Raises: ConfigError if no viewer could give such a password.
        """
        before = self._overrides, self._sent
        if passwords is not None:
            sent = secrets_of(passwords)
            self._sent = sent
        self._overrides = [*before[0], *(override(key, value) for key, value in settings.items())]

        def undo() -> None:
            self._overrides, self._sent = before

        return undo


def secrets_of(passwords: Mapping[str, str | None]) -> Secrets:
    """Return the passwords that a program sends. Raises: ConfigError if no viewer could give one."""
    sent = Secrets(**{name: passwords.get(name) or None for name in PASSWORDS})
    check_secrets(sent, *PASSWORDS)
    return sent

"""The configuration, passwords and keys that hold now, and how others take their place while the server runs.

Owns them, and what children are told of them. Where they are read is configuration.py's, what of them can change
live reload.py's business; who has to follow is called.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from mpvnc import log
from mpvnc.config import Config, Secrets, to_dict
from mpvnc.errors import ConfigError
from mpvnc.ipc.control import Message
from mpvnc.supervisor.checks import check
from mpvnc.supervisor.descriptors import raise_limit
from mpvnc.supervisor.keyring import Keyring, open_keyring
from mpvnc.supervisor.operator import Reloaded
from mpvnc.supervisor.reload import compare

logger = logging.getLogger(__name__)

Read = Callable[[], tuple[Config, Secrets, list[str]]]
"""Reads configuration, secrets, and warnings about them; raises ConfigError."""

Amend = Callable[[Mapping[str, object], Mapping[str, str | None] | None], Callable[[], None]]
"""Has `Read` put settings and passwords on top; returns what undoes it."""


class Settings:
    """What holds from `open` to `close`.

    Args:
        config, secrets: what holds first.
    Raises: ConfigError if that would not do.
    """

    def __init__(
        self, config: Config, secrets: Secrets, read: Read, amend: Amend | None, environ: Mapping[str, str]
    ) -> None:
        check(config, secrets)
        self.config = config
        self.keyring = Keyring()
        self.secrets = secrets
        self._read = read
        self._amend = amend
        self._environ = environ
        self._hand_out: Callable[[Keyring], None] = lambda keyring: None
        self._follow: Callable[[], None] = lambda: None

    def open(self, hand_out: Callable[[Keyring], None], follow: Callable[[], None]) -> None:
        """Read the keys.

        Args:
            hand_out: called with other keys.
            follow: called when anything else has changed, passwords included.
        Raises: ConfigError if the keys cannot be used.
        """
        self.keyring = open_keyring(self.config, self._environ)
        self.keyring.tell()
        self._hand_out, self._follow = hand_out, follow

    def close(self) -> None:
        """Let go of the keys that there are in the end."""
        self.keyring.close()

    def told(self, *, with_secrets: bool) -> Message:
        """Return what a child is told of the configuration."""
        secrets = self.secrets if with_secrets else Secrets()
        return {
            "config": to_dict(self.config),
            "secrets": {"password": secrets.password, "view_only_password": secrets.view_only_password},
        }

    def reload(self) -> Reloaded:
        """Read the configuration anew, and take over what can change live. Everything is logged.

        Raises: ConfigError if it would not do for a start either, or not for the listeners that are open;
            nothing has changed then.
        """
        try:
            read, secrets, warnings = self._read()
            change = compare(self.config, read)
            check(read, secrets)
            check(change.config, secrets)
            raise_limit(change.config.clients)
            keyring = open_keyring(change.config, self._environ, self.keyring)
        except ConfigError as error:
            logger.error("the configuration is not taken, nothing changes: %s", error)
            raise
        changed = change.changed + (["passwords"] if secrets != self.secrets else [])
        changed += self._take_keyring(keyring)
        self.config, self.secrets = change.config, secrets
        if changed:
            self._follow()
        log.warn_all([*warnings, *change.later])
        logger.info("changed: %s", ", ".join(changed) or "nothing")
        return Reloaded(changed, change.later, warnings)

    def amend(self, message: Message) -> Reloaded:
        """Take what the program whose server this is wants to have otherwise: all of it, or nothing.

        Raises: ConfigError as `reload` does, or if something of it cannot change while the server runs.
        """
        if self._amend is None:
            raise ConfigError("nothing can be put on top of this configuration")
        undo = self._amend(message["settings"], message.get("passwords"))
        try:
            later = compare(self.config, self._read()[0]).later
            if later:
                raise ConfigError(f"{later[0].split()[0]} cannot change while the server runs")
            return self.reload()
        except ConfigError:
            undo()
            raise

    def _take_keyring(self, keyring: Keyring) -> list[str]:
        """Hand out another certificate or other users; return what of it is new."""
        before, self.keyring = self.keyring, keyring
        changed = keyring.compare(before)
        if changed:
            keyring.tell()
            self._hand_out(keyring)
        before.close()
        return changed

"""What the supervisor hands to encoders besides passwords: certificate with key, and the users.

Both are read once, checked, and kept in sealed memory files, whose descriptors encoders get: no secret is in
argv or in a control message, and all workers have the same even if the files change meanwhile.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass

from mpvnc.config import Config
from mpvnc.errors import ConfigError
from mpvnc.ipc.control import Message
from mpvnc.ipc.memory import sealed_memory
from mpvnc.rfb.security.users import parse_users
from mpvnc.supervisor.certificates import (
    FOR_THIS_START,
    fingerprint_of,
    own_certificate,
    read_file,
    read_given,
    warning_about,
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Keyring:
    """Descriptors of the certificate with its key and of the users, -1 for what there is not; to be closed.

    Attributes:
        fingerprint: SHA-256 of the certificate, in hex with colons, as viewers and browsers show it.
        origin: where the certificate came from.
    """

    certificate_fd: int = -1
    users_fd: int = -1
    fingerprint: str = ""
    origin: str = ""
    users_digest: bytes = b""
    certificate_digest: bytes = b""

    @property
    def message(self) -> Message:
        """What an encoder is told, with `fds`."""
        return {"type": "security", "certificate": self.certificate_fd >= 0, "users": self.users_fd >= 0}

    @property
    def fds(self) -> list[int]:
        """The descriptors that go with `message`."""
        return [fd for fd in (self.certificate_fd, self.users_fd) if fd >= 0]

    @property
    def pem(self) -> bytes:
        """Certificate and key."""
        return os.pread(self.certificate_fd, os.fstat(self.certificate_fd).st_size, 0)

    def compare(self, other: Keyring) -> list[str]:
        """Return what is different in another one, in words."""
        is_same_certificate = self.certificate_digest == other.certificate_digest
        is_same_users = self.users_digest == other.users_digest
        return ["certificate"] * (not is_same_certificate) + ["users"] * (not is_same_users)

    def close(self) -> None:
        """Let go of it."""
        for fd in self.fds:
            os.close(fd)

    def tell(self) -> None:
        """Log which certificate viewers will see."""
        if self.fingerprint:
            logger.info("certificate %s, SHA-256 %s", self.origin, self.fingerprint)


def open_keyring(config: Config, environ: Mapping[str, str], before: Keyring | None = None) -> Keyring:
    """Read, check and keep what the configuration names; make what it leaves to us.

    Args:
        before: what holds now: a certificate that nobody keeps is made once in a server's life.
    Raises: ConfigError if what it names cannot be used, or no certificate can be made.
    """
    try:
        return _open_keyring(config, environ, before)
    except OSError as error:
        raise ConfigError(f"certificate and users cannot be kept: {error.strerror}") from error


def _open_keyring(config: Config, environ: Mapping[str, str], before: Keyring | None) -> Keyring:
    security = config.security
    users = check_users(security.users_file) if security.users_file else b""
    pem, origin = b"", ""
    if security.tls and security.tls_cert:
        pem, origin = read_given(security.tls_cert, security.tls_key), security.tls_cert
    elif security.tls and before is not None and before.origin == FOR_THIS_START:
        pem, origin = before.pem, before.origin
    elif security.tls:
        pem, origin = own_certificate(config, environ)
    users_fd = sealed_memory("mpvnc-users", users) if users else -1
    try:
        certificate_fd = sealed_memory("mpvnc-certificate", pem) if pem else -1
    except OSError:
        Keyring(users_fd=users_fd).close()
        raise
    return Keyring(
        certificate_fd,
        users_fd,
        fingerprint_of(pem) if pem else "",
        origin,
        hashlib.sha256(users).digest(),
        hashlib.sha256(pem).digest(),
    )


def check_files(config: Config) -> None:
    """Check the files that the configuration names, and make nothing. Raises: ConfigError."""
    security = config.security
    if security.users_file:
        check_users(security.users_file)
    if security.tls and security.tls_cert:
        read_given(security.tls_cert, security.tls_key)


def warnings_about(config: Config) -> list[str]:
    """Return a line for each file with a secret, of those that the configuration names, that everybody can read."""
    security = config.security
    key = "security.tls_key" if security.tls_key else "security.tls_cert"
    files = {
        "security.users_file": security.users_file,
        key: (security.tls_key or security.tls_cert) if security.tls else "",
    }
    return [line for key, name in files.items() if name and (line := warning_about(key, name))]


def check_users(name: str) -> bytes:
    """Return what a users file holds. Raises: ConfigError if it cannot be read or names nobody."""
    data = read_file("security.users_file", name)
    try:
        users = parse_users(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise ConfigError(f"security.users_file: {name} is not UTF-8") from error
    except ConfigError as error:
        raise ConfigError(f"security.users_file: {name}, {error}") from error
    if not users:
        raise ConfigError(f"security.users_file: {name} names no user: see mpvnc-supervisor passwd")
    return data

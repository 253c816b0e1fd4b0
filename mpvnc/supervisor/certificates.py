"""The certificate of a server: the operator's, or one of our own, made at the first start and kept.

Owns the files of the latter. Both are read as one PEM text, the chain and the private key, and checked.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import logging
import os
import re
import ssl
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from mpvnc import log
from mpvnc.config import Config
from mpvnc.errors import ConfigError
from mpvnc.ipc.memory import descriptor_path, sealed_memory
from mpvnc.ipc.places import state_directory
from mpvnc.supervisor.children import child_environment
from mpvnc.supervisor.listeners import TcpSpec, parse_listeners
from mpvnc.transport.tls import server_context

FOR_THIS_START = "made for this start"
"""Where a certificate is from that cannot be kept."""
CERTIFICATE, KEY = "self-signed.crt", "self-signed.key"
_MAKE_TIMEOUT_S = 30.0
_LIMIT_BYTES = 4 * 1024 * 1024
_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----\s*", re.DOTALL)

logger = logging.getLogger(__name__)


def read_given(certificate: str, key: str) -> bytes:
    """Return chain and key as one PEM text; the key is in the chain's file if it has none of its own.

    Raises: ConfigError if they cannot be read or used.
    """
    pem = read_file("security.tls_cert", certificate)
    if key:
        pem += b"\n" + read_file("security.tls_key", key)
    if not _CERTIFICATE.search(pem):
        raise ConfigError(f"security.tls_cert: {certificate} holds no certificate (PEM)")
    fd = sealed_memory("mpvnc-certificate", pem)
    try:
        server_context(descriptor_path(fd))
    except OSError as error:
        raise ConfigError(f"security.tls_key: {key or certificate}: {_unusable(error)}") from error
    finally:
        os.close(fd)
    return pem


def fingerprint_of(pem: bytes) -> str:
    """Return the SHA-256 of the first certificate in a PEM text, as `AB:CD:...`."""
    found = _CERTIFICATE.search(pem)
    assert found is not None
    der = ssl.PEM_cert_to_DER_cert(found[0].decode("ascii").strip())
    return hashlib.sha256(der).digest().hex(":").upper()


def _unusable(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        if error.reason == "KEY_VALUES_MISMATCH":
            return "the private key is not that of the certificate"
        return f"no certificate with its private key ({error.reason or error})"
    return error.strerror or str(error)


def own_certificate(config: Config, environ: Mapping[str, str]) -> tuple[bytes, str]:
    """Return the certificate that is kept in the state directory, with its key, and where that is.

    Where nothing can be kept, it is one that lasts as long as this server, and the log says so.
    """
    directory = state_directory(config.server.state_dir, environ)
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _locked(directory):
            return _kept_certificate(directory, config, environ), str(directory / CERTIFICATE)
    except OSError as error:
        logger.warning(
            "%s: %s: the certificate is made anew at each start (server.state_dir)", directory, error.strerror
        )
        return _make(config, environ), FOR_THIS_START


def warning_about(key: str, name: str) -> str:
    """Return a line about a file with a secret that everybody can read; "" if all is well, or it is not there."""
    with contextlib.suppress(OSError):
        if stat.S_IMODE(os.stat(name).st_mode) & 0o004:
            return f"{key}: {name} can be read by everybody: chmod 600"
    return ""


def read_file(key: str, name: str) -> bytes:
    """Return a file's bytes. Raises: ConfigError naming `key`."""
    try:
        with open(name, "rb") as file:
            data = file.read(_LIMIT_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{key}: {name} cannot be read: {error.strerror}") from error
    if len(data) > _LIMIT_BYTES:
        raise ConfigError(f"{key}: {name} is larger than {_LIMIT_BYTES} bytes")
    return data


@contextlib.contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Have servers that start at the same time agree on one certificate."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def _kept_certificate(directory: Path, config: Config, environ: Mapping[str, str]) -> bytes:
    certificate, key = directory / CERTIFICATE, directory / KEY
    if certificate.exists() and key.exists():
        log.warn_all(filter(None, [warning_about("server.state_dir", str(key))]))
        return read_given(str(certificate), str(key))
    pem = _make(config, environ)
    chain = b"".join(_CERTIFICATE.findall(pem))
    _write(key, pem.replace(chain, b""), 0o600)
    _write(certificate, chain, 0o644)
    logger.info("made a certificate: %s", certificate)
    return pem


def _write(path: Path, data: bytes, mode: int) -> None:
    """Write a file as a whole, or not at all."""
    unfinished = path.with_suffix(f".{os.getpid()}")
    fd = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    with open(fd, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(fd)
    os.replace(unfinished, path)


def _make(config: Config, environ: Mapping[str, str]) -> bytes:
    """Have a key and a certificate made by a process of its own. Raises: ConfigError."""
    command = [sys.executable, "-P", "-m", "mpvnc.supervisor.selfsigned", *_names(config)]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_MAKE_TIMEOUT_S,
            check=True,
            env=child_environment(environ),
        )
    except (OSError, subprocess.SubprocessError) as error:
        complaint = (
            (getattr(error, "stderr", None) or b"").decode(errors="replace").strip().rpartition("\n")[2]
        )
        raise ConfigError(
            f"no certificate can be made ({complaint or error}): set security.tls_cert, or security.tls: false"
        ) from error
    return done.stdout


def _names(config: Config) -> list[str]:
    """Return the names and addresses that the listeners have."""
    specs = [spec for spec in parse_listeners(config.server) if isinstance(spec, TcpSpec)]
    return [spec.host.partition("%")[0] for spec in specs if spec.host not in ("", "*", "0.0.0.0", "::")]

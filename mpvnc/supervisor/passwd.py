"""`mpvnc-supervisor passwd`: a user's line in the users file, made or replaced.

Owns the file's writing: as a whole or not at all, readable by its owner alone if it is new.
"""

from __future__ import annotations

import getpass
import os
import stat
import sys
from pathlib import Path

from mpvnc.errors import ConfigError
from mpvnc.rfb.security.plain import PASSWORD_BYTES
from mpvnc.rfb.security.users import ROLES, SALT_BYTES, Users, check_name, make_user, parse_users, with_user

_NEW_FILE_MODE = 0o600


def ask_password(user: str) -> str:
    """Return a new password: asked for twice on a terminal, else the first line of stdin.

    Raises: ConfigError if both are not the same, or it is none that a viewer can give.
    """
    if sys.stdin.isatty():
        password = getpass.getpass(f"Password of {user}: ")
        if getpass.getpass("Once more: ") != password:
            raise ConfigError("the passwords are not the same; nothing is changed")
    else:
        password = sys.stdin.readline().rstrip("\n")
    if not password:
        raise ConfigError("an empty password lets nobody in; nothing is changed")
    if len(password.encode("utf-8", "replace")) > PASSWORD_BYTES:
        raise ConfigError(f"a password has at most {PASSWORD_BYTES} bytes; nothing is changed")
    return password


def role_in(path: Path, user: str) -> str:
    """Return the role that a user has already; empty if the file, or its line, is not there.

    Raises: ConfigError if the name can be none, or the file cannot be read.
    """
    check_name(user)
    known = _parsed(path, _text(path)).get(user)
    return next((role for role, access in ROLES.items() if known and access is known.access), "")


def set_password(path: Path, user: str, role: str, password: str) -> None:
    """Give a user this password and role. Raises: ConfigError; nothing is changed then."""
    check_name(user)
    text = _text(path)
    _parsed(path, text)
    changed = with_user(text, user, make_user(password, role, os.urandom(SALT_BYTES)))
    try:
        _replace(path.resolve(), changed)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from error


def _parsed(path: Path, text: str) -> Users:
    try:
        return parse_users(text)
    except ConfigError as error:
        raise ConfigError(f"{path}, {error}") from error


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8") from error


def _replace(path: Path, text: str) -> None:
    mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else _NEW_FILE_MODE
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    fd = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _NEW_FILE_MODE)
    try:
        with open(fd, "w", encoding="utf-8") as file:
            file.write(text)
            os.fchmod(fd, mode)
            file.flush()
            os.fsync(fd)
        os.replace(unfinished, path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise

"""Users with passwords of their own: the format of the users file, and the check of a password.

One line for each user, `#` begins a comment line:

```
alice:control:$scrypt$16384$8$5$ymkSVvJPKhHPzZbrZjSsUQ==$bO3Yk...=
```

that is name, role (`view` or `control`), and the hash: cost n, block size r, parallelism p of scrypt (RFC 7914),
salt and 32 bytes of key in base64. Names have up to 64 letters, digits and `._@-`.

The check is slow on purpose (a quarter of a second, 16 MiB) and as slow for a user who does not exist; it is to
run where nobody waits for it. Pure: files and randomness are the caller's.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from mpvnc.errors import ConfigError
from mpvnc.rfb.security import Access

ROLES = {"view": Access.VIEW_ONLY, "control": Access.FULL}
SALT_BYTES = 16
_KEY_BYTES = 32
_MEMORY_LIMIT_BYTES = 256 * 1024 * 1024
_PARALLEL_LIMIT = 64
_NAME = re.compile(r"[A-Za-z0-9._@-]{1,64}")


class Cost(NamedTuple):
    """Parameters of scrypt: n (a power of two), r and p."""

    n: int = 16384
    r: int = 8
    p: int = 5

    @property
    def memory_bytes(self) -> int:
        """How much memory one check takes (RFC 7914 section 2)."""
        return 128 * self.r * (self.n + self.p + 2)


@dataclass(frozen=True, slots=True)
class User:
    """What is known of one user."""

    access: Access
    cost: Cost
    salt: bytes = field(repr=False)
    key: bytes = field(repr=False)

    def matches(self, password: str) -> bool:
        """Whether it is this user's password; slow."""
        return hmac.compare_digest(_derive(password, self.salt, self.cost), self.key)


Users = Mapping[str, User]


def make_user(password: str, role: str, salt: bytes, cost: Cost | None = None) -> User:
    """Return a user with this password; slow.

    Args:
        role: `view` or `control`.
        salt: `SALT_BYTES` fresh random bytes.
    """
    cost = cost or Cost()
    return User(ROLES[role], cost, salt, _derive(password, salt, cost))


def check_password(users: Users, name: str, password: str) -> Access:
    """Return what the user may do with this password; slow, and as slow if there is no such user.

    An empty password never lets anybody in.
    """
    user = users.get(name)
    decoy = user or next(iter(users.values()), None) or User(Access.DENIED, Cost(), bytes(SALT_BYTES), b"")
    is_right = decoy.matches(password)
    return user.access if user is not None and is_right and password else Access.DENIED


def check_name(name: str) -> None:
    """Refuse what cannot be a user's name. Raises: ConfigError."""
    if not _NAME.fullmatch(name):
        raise ConfigError(f"{name!r} is no user's name: up to 64 letters, digits and . _ @ - are")


def parse_users(text: str) -> dict[str, User]:
    """Read a users file. Raises: ConfigError with the line's number; it tells nothing of the line but the name."""
    users: dict[str, User] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, _, rest = line.strip().partition(":")
        role, _, hashed = rest.partition(":")
        try:
            check_name(name)
            if name in users:
                raise ConfigError(f"{name} stands there twice")
            if role not in ROLES:
                raise ConfigError(f"the role of {name} is neither view nor control")
            users[name] = _parse_hash(ROLES[role], hashed)
        except ConfigError as error:
            raise ConfigError(f"line {number}: {error}") from error
    return users


def format_user(name: str, user: User) -> str:
    """Return a user's line, without its end."""
    role = next(role for role, access in ROLES.items() if access is user.access)
    salt, key = (base64.b64encode(part).decode() for part in (user.salt, user.key))
    return f"{name}:{role}:$scrypt${'$'.join(map(str, user.cost))}${salt}${key}"


def with_user(text: str, name: str, user: User) -> str:
    """Return the text of a users file in which the line of `name` is replaced, or one is added at the end."""
    lines = text.splitlines()
    places = [place for place, line in enumerate(lines) if line.strip().partition(":")[0] == name]
    if places:
        lines[places[0]] = format_user(name, user)
    else:
        lines.append(format_user(name, user))
    return "".join(f"{line}\n" for line in lines)


def _parse_hash(access: Access, hashed: str) -> User:
    try:
        empty, scheme, *numbers, salt_text, key_text = hashed.split("$")
        cost = Cost(*map(int, numbers))
        salt, key = (base64.b64decode(part, validate=True) for part in (salt_text, key_text))
    except (ValueError, TypeError, binascii.Error):
        raise ConfigError("expected $scrypt$n$r$p$salt$key") from None
    if (empty, scheme, len(numbers), len(key)) != ("", "scrypt", 3, _KEY_BYTES) or not salt:
        raise ConfigError("expected $scrypt$n$r$p$salt$key")
    is_sound = min(cost) >= 1 and cost.n > 1 and cost.n & (cost.n - 1) == 0
    if not is_sound or cost.memory_bytes > _MEMORY_LIMIT_BYTES or cost.p > _PARALLEL_LIMIT:
        raise ConfigError("these parameters of scrypt cannot be used")
    return User(access, cost, salt, key)


def _derive(password: str, salt: bytes, cost: Cost) -> bytes:
    secret = password.encode("utf-8", "surrogatepass")
    memory = cost.memory_bytes + 1024 * 1024
    return hashlib.scrypt(secret, salt=salt, n=cost.n, r=cost.r, p=cost.p, maxmem=memory, dklen=_KEY_BYTES)

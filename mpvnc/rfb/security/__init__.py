"""One file per security type, and the shape that they share: turns.

A security type knows neither versions nor sockets. `Connection` begins it, does what the turn says, and gives
it the answer, until the turn is a `Verdict`:

```
Ask        the server says something and reads so many bytes       -> the type gets them
Encrypt    the server says something; everything else is inside TLS -> the type goes on with b""
Verify     somebody with a clock has to look a user up             -> that is the verdict
Reject     the client does not keep to the protocol
Verdict    what the client may do
```
"""

from __future__ import annotations

from enum import Enum, auto
from typing import NamedTuple, Protocol


class Access(Enum):
    """What a client may do."""

    FULL = auto()
    VIEW_ONLY = auto()
    DENIED = auto()


class Ask(NamedTuple):
    """Say something, then read `size` bytes.

    is_last: whether the client reads SecurityResult after its answer: a refusal can be spoken there.
    """

    say: bytes
    size: int
    is_last: bool = False


class Encrypt(NamedTuple):
    """Say something, then have the stream encrypted."""

    say: bytes


class Verify(NamedTuple):
    """Have a user's password looked up."""

    user: str
    password: str


class Reject(NamedTuple):
    """Say something and give the client up for `reason`."""

    say: bytes
    reason: str


class Verdict(NamedTuple):
    """The end, after saying something. is_tacit: versions before 3.8 have no SecurityResult then (None alone)."""

    access: Access
    is_tacit: bool = False
    say: bytes = b""


Turn = Ask | Encrypt | Verify | Reject | Verdict


class SecurityExchange(Protocol):
    """One client's passage through a security type."""

    def begin(self) -> Turn:
        """Return the first turn."""

    def go_on(self, answer: bytes) -> Turn:
        """Return what follows the `answer` to an Ask, or, with b"", encryption."""

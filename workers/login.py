"""What one client goes through before it is in, as far as it takes time: its turn to be judged, and a user's password.

Whoever guesses waits for a turn (docs/decisions/0003): until then what it answers is kept here, unread by the session,
so that right or wrong it learns nothing. A password is looked up beside the event loop.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable

from mpvnc.errors import ProtocolError
from mpvnc.rfb import events
from mpvnc.rfb.security import Access
from mpvnc.workers.verifier import Verifier

KEPT_BYTES = 4096
"""An answer is far shorter."""


class Login:
    """One client's, until `close`.

    Args:
        address: of the client.
        admit: told what the user may do; does not raise.
    """

    __slots__ = ("_address", "_admit", "_credentials", "_lookup", "_verifier", "_withheld", "is_due", "user")

    def __init__(
        self, verifier: Verifier, address: str, admit: Callable[[Access], None], *, is_due: bool
    ) -> None:
        self.is_due = is_due
        """Whether it is its turn to be judged, once and for all."""
        self.user = ""
        """The name under which it came in, if it gave one."""
        self._verifier = verifier
        self._address = address
        self._admit = admit
        self._withheld = b""
        self._credentials: events.Credentials | None = None
        self._lookup: asyncio.Future[Access] | None = None

    def withhold(self, data: bytes | bytearray) -> None:
        """Keep an answer. Raises: ProtocolError if it is longer than any."""
        self._withheld += data
        if len(self._withheld) > KEPT_BYTES:
            raise ProtocolError("more than an answer came before it was its turn to be judged")

    def be_due(self) -> bytes:
        """Have it judged from now on; return what was withheld."""
        self.is_due = True
        data, self._withheld = self._withheld, b""
        if self._credentials is not None:
            self.verify(self._credentials)
        return data

    def verify(self, credentials: events.Credentials) -> None:
        """Look the user up, when it is its turn."""
        self._credentials = None if self.is_due else credentials
        if self.is_due:
            user, password = credentials.user, credentials.password
            told = functools.partial(self._verified, user)
            self._lookup = self._verifier.verify(self._address, user, password, told)

    def close(self) -> None:
        """Look nobody up any more."""
        if self._lookup is not None:
            self._lookup.cancel()

    def _verified(self, user: str, access: Access) -> None:
        self._lookup = None
        self.user = user if access is not Access.DENIED else ""
        self._admit(access)

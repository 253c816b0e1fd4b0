"""Whether a user's password is right, found out beside the event loop: scrypt takes a quarter of a second."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from mpvnc.rfb.security import Access
from mpvnc.rfb.security.users import Users, check_password


class Verifier:
    """One thread: however many ask, a worker spends one core and the memory of one check on them."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.users: Users = {}
        """May be replaced at any time; who is asked about already is looked up in the old ones."""
        self._loop = loop
        self._pool = ThreadPoolExecutor(1, "verifier")

    def verify(self, user: str, password: str, then: Callable[[Access], None]) -> asyncio.Future[Access]:
        """Call `then` from the loop with what the user may do; not if the future is cancelled before.

        What goes wrong is a denial, and the loop's exception handler hears of it.
        """
        future = self._loop.run_in_executor(self._pool, check_password, self.users, user, password)
        future.add_done_callback(lambda done: None if done.cancelled() else then(_access(done)))
        return future

    def close(self) -> None:
        """Forget who waits; a check that runs ends by itself."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def _access(done: asyncio.Future[Access]) -> Access:
    """Return the result; without one, whoever asked must not get in."""
    return Access.DENIED if done.exception() is not None else done.result()

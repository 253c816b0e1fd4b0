"""Whether a user's password is right, found out beside the event loop: scrypt takes a quarter of a second."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from mpvnc.rfb.security import Access
from mpvnc.rfb.security.users import Users, check_password
from mpvnc.transport.addresses import network_of

logger = logging.getLogger(__name__)

Answer = asyncio.Future[Access]


class _Question(NamedTuple):
    answer: Answer
    users: Users
    user: str
    password: str


class Verifier:
    """One thread: however many ask, a worker spends one core and the memory of one check on them.

    Addresses take turns: who asks a hundred times waits for himself, and keeps others waiting for one check.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.users: Users = {}
        """May be replaced at any time; who is asked about already is looked up in the old ones."""
        self._loop = loop
        self._pool = ThreadPoolExecutor(1, "verifier")
        self._waiting: dict[str, deque[_Question]] = {}
        """By address, in the order of their turns; no queue is empty."""
        self._is_busy = False

    def verify(self, address: str, user: str, password: str, then: Callable[[Access], None]) -> Answer:
        """Call `then` from the loop with what the user may do; not if the future is cancelled before.

        What goes wrong is a denial, and the log has it.
        """
        answer: Answer = self._loop.create_future()
        answer.add_done_callback(lambda done: None if done.cancelled() else then(done.result()))
        queue = self._waiting.setdefault(network_of(address), deque())
        queue.append(_Question(answer, self.users, user, password))
        self._go_on()
        return answer

    def close(self) -> None:
        """Forget who waits; a check that runs ends by itself."""
        self._waiting.clear()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _go_on(self) -> None:
        """Have the next one looked up who still wants it, if nobody is."""
        while self._waiting and not self._is_busy:
            address = next(iter(self._waiting))
            queue = self._waiting.pop(address)
            question = queue.popleft()
            if queue:
                self._waiting[address] = queue
            if not question.answer.cancelled():
                self._is_busy = True
                check = self._loop.run_in_executor(self._pool, check_password, *question[1:])
                check.add_done_callback(functools.partial(self._checked, question.answer))

    def _checked(self, answer: Answer, done: asyncio.Future[Access]) -> None:
        self._is_busy = False
        if not (done.cancelled() or answer.cancelled()):
            answer.set_result(_access(done))
        self._go_on()


def _access(done: asyncio.Future[Access]) -> Access:
    """Return the result; without one, whoever asked must not get in."""
    error = done.exception()
    if error is None:
        return done.result()
    logger.error("a user's password cannot be checked", exc_info=error)
    return Access.DENIED

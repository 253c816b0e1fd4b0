"""Finding a server again: the one of a name, after it went away and until it is back.

Owns: when it is tried. Each step is taken without waiting, so that a program that draws is never held up.
"""

from __future__ import annotations

from mpvnc.errors import PublishError
from mpvnc.ipc.control import Message
from mpvnc.publisher.launch import join_supervisor
from mpvnc.publisher.link import Greeting, Link

FIRST_WAIT_S = 0.1
LONGEST_WAIT_S = 5.0
ANSWER_TIMEOUT_S = 30.0
"""A supervisor answers when it listens, which may take until all its workers have started."""


class Rejoin:
    """Joins the server `name` once more with `hello`, which may change in between. Not for several threads."""

    def __init__(self, name: str, hello: Message) -> None:
        self.hello = hello
        self.reason = ""
        """Why it is not there, as far as is known."""
        self._name = name
        self._greeting: Greeting | None = None
        self._wait_s = FIRST_WAIT_S
        self._due = 0.0

    def step(self, now: float) -> Link | None:
        """Do what is due at `now` (monotonic seconds); return the link if the server is there again."""
        if now < self._due and self._greeting is None:
            return None
        try:
            if self._greeting is None:
                self._greeting = Greeting(join_supervisor(self._name), self.hello)
                self._due = now + ANSWER_TIMEOUT_S
            link = self._greeting.answered()
            if link is None and now >= self._due:
                self._greeting.close()
                raise PublishError("the server did not answer")
        except PublishError as error:
            self.reason = str(error)
            self._greeting = None
            self._due = now + self._wait_s
            self._wait_s = min(2 * self._wait_s, LONGEST_WAIT_S)
            return None
        if link is not None:
            self._greeting, self._wait_s, self._due = None, FIRST_WAIT_S, now
        return link

    def close(self) -> None:
        """Stop trying."""
        if self._greeting is not None:
            self._greeting.close()
            self._greeting = None

"""What is said to a peer when its stream is closed, by streams that can say something."""

from __future__ import annotations

from typing import NamedTuple


class Farewell(NamedTuple):
    """Why it is closed: a code of RFC 6455 section 7.4.1, and words for a person."""

    code: int
    reason: str = ""


ENDED = Farewell(1000)
"""Everything was said."""
LEAVING = Farewell(1001)
"""The server goes away; coming again is worth a try."""
FAULTY = Farewell(1011)
"""A fault of ours."""
REFUSED = Farewell(1008)
"""It was told in RFB why it cannot come in, and coming again by itself is no use."""
CROWDED = Farewell(1013)
"""The same, but there may be room later."""


def barred(reason: str) -> Farewell:
    """Return what is said to one that somebody, or a rule, wants gone: it is not to come again by itself."""
    return Farewell(1008, reason)

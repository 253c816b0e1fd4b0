"""The handshake as one table: where a connection stands, and what may happen to it there.

Theory of operation
-------------------
Rule 1: everything that changes the state is a row of `TRANSITIONS`. This file knows neither bytes nor
        passwords; `Connection` reads and writes those and names what happened as a `Step`.
Rule 2: the client speaks in every state but FAILED and CLOSED, and a state is named after what is read in it.
        What the server has to say is said on the way in, so no state waits for the server. (ServerInit is
        the caller's answer to ClientInit; what a client sends before it has seen that is read in NORMAL.)
Rule 3: the versions are paths through one table, not tables of their own:

```
3.3        PROTOCOL_VERSION ------------ the server chooses --> AUTHENTICATION or CLIENT_INIT
3.7, 3.8   PROTOCOL_VERSION --> SECURITY: the client chooses -> AUTHENTICATION or CLIENT_INIT
```

Rule 4: CLIENT_INIT is reached by ADMITTED alone, and ADMITTED comes from a security type's verdict alone.
Rule 5: a wrong answer leads to FAILED, not to CLOSED: the refusal is spoken later, by a caller with a clock,
        so that guessing is slow; until then input is discarded.
Rule 6: ENDED is possible everywhere and final. How it is put into words (a reason, a bare number, nothing)
        depends on state and version and is `Connection.refuse`'s concern.

A pair that is not in the table is a mistake of ours, never of the peer: the peer's bytes are judged before a
step is taken.

Source: RFC 6143 sections 7.1 to 7.3 and appendix A (versions 3.3 and 3.7).
"""

from __future__ import annotations

from enum import Enum, auto


class State(Enum):
    """What is read next."""

    PROTOCOL_VERSION = auto()
    SECURITY = auto()
    AUTHENTICATION = auto()
    CLIENT_INIT = auto()
    NORMAL = auto()
    FAILED = auto()
    """Nothing: the answer was wrong, and the refusal is not spoken yet."""
    CLOSED = auto()
    """Nothing, ever."""


class Step(Enum):
    """What happened."""

    TYPES_OFFERED = auto()
    """The client is to choose a security type."""
    CHALLENGED = auto()
    """A type was chosen that has a question, and the question was asked."""
    ADMITTED = auto()
    """The chosen type let the client in."""
    ANSWERED_WRONGLY = auto()
    INITIALISED = auto()
    """ClientInit came."""
    ENDED = auto()


TRANSITIONS: dict[State, dict[Step, State]] = {
    State.PROTOCOL_VERSION: {
        Step.TYPES_OFFERED: State.SECURITY,
        Step.CHALLENGED: State.AUTHENTICATION,
        Step.ADMITTED: State.CLIENT_INIT,
        Step.ENDED: State.CLOSED,
    },
    State.SECURITY: {
        Step.CHALLENGED: State.AUTHENTICATION,
        Step.ADMITTED: State.CLIENT_INIT,
        Step.ENDED: State.CLOSED,
    },
    State.AUTHENTICATION: {
        Step.ADMITTED: State.CLIENT_INIT,
        Step.ANSWERED_WRONGLY: State.FAILED,
        Step.ENDED: State.CLOSED,
    },
    State.CLIENT_INIT: {
        Step.INITIALISED: State.NORMAL,
        Step.ENDED: State.CLOSED,
    },
    State.NORMAL: {Step.ENDED: State.CLOSED},
    State.FAILED: {Step.ENDED: State.CLOSED},
    State.CLOSED: {Step.ENDED: State.CLOSED},
}


def advance(state: State, step: Step) -> State:
    """Return the state that follows. KeyError if `step` cannot happen in `state`."""
    return TRANSITIONS[state][step]

"""The handshake as one table: where a connection stands, and what may happen to it there.

Theory of operation
-------------------
Rule 1: everything that changes the state is a row of `TRANSITIONS`. This file knows neither bytes nor
        passwords; `Connection` reads and writes those and names what happened as a `Step`.
Rule 2: a state is named after what is read in it. What the server has to say is said on the way in. (ServerInit
        is the caller's answer to ClientInit; what a client sends before it has seen that is read in NORMAL.)
        Two states wait for the caller, and nothing is read in them: ENCRYPTION, while TLS begins below, and
        VERDICT, while a user is looked up.
Rule 3: the versions are paths through one table, not tables of their own:

```
3.3        PROTOCOL_VERSION ------------ the server chooses --> AUTHENTICATION or CLIENT_INIT
3.7, 3.8   PROTOCOL_VERSION --> SECURITY: the client chooses -> AUTHENTICATION or CLIENT_INIT
```

A security type of several turns (VeNCrypt) asks again and again in AUTHENTICATION, and may pass ENCRYPTION:
after that it is as if nothing had happened, but inside TLS.

Rule 4: CLIENT_INIT is reached by ADMITTED alone, and ADMITTED comes from a security type's verdict alone.
Rule 5: a wrong answer leads to FAILED, not to CLOSED: the refusal is spoken later, by a caller with a clock,
        so that guessing is slow; until then input is discarded.
Rule 6: ENDED is possible everywhere and final. How it is put into words (a reason, a bare number, nothing)
        depends on state and version and is `Connection.refuse`'s concern.

A pair that is not in the table is a mistake of ours, never of the peer: the peer's bytes are judged before a
step is taken.

Sources: RFC 6143 sections 7.1 to 7.3 and appendix A (versions 3.3 and 3.7); rfbproto "VeNCrypt".
"""

from __future__ import annotations

from enum import Enum, auto


class State(Enum):
    """What is read next."""

    PROTOCOL_VERSION = auto()
    SECURITY = auto()
    AUTHENTICATION = auto()
    ENCRYPTION = auto()
    """Nothing: what comes is TLS's, until the caller says that the stream is encrypted."""
    VERDICT = auto()
    """Nothing: what comes is kept, until the caller says what the user may do."""
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
    """A type was chosen that has a question, or another one, and the question was asked."""
    ENCRYPTING = auto()
    """The client was told to begin TLS."""
    IDENTIFIED = auto()
    """A user gave name and password."""
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
        Step.CHALLENGED: State.AUTHENTICATION,
        Step.ENCRYPTING: State.ENCRYPTION,
        Step.IDENTIFIED: State.VERDICT,
        Step.ADMITTED: State.CLIENT_INIT,
        Step.ANSWERED_WRONGLY: State.FAILED,
        Step.ENDED: State.CLOSED,
    },
    State.ENCRYPTION: {
        Step.CHALLENGED: State.AUTHENTICATION,
        Step.ADMITTED: State.CLIENT_INIT,
        Step.ENDED: State.CLOSED,
    },
    State.VERDICT: {
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

import pytest

from mpvnc.rfb.state import TRANSITIONS, State, Step, advance


def reachable(start: State, without: set[Step] = frozenset()) -> set[State]:
    seen, todo = set(), [start]
    while todo:
        state = todo.pop()
        seen.add(state)
        todo += [
            after for step, after in TRANSITIONS[state].items() if step not in without and after not in seen
        ]
    return seen


def test_every_state_has_a_row_and_can_be_reached():
    assert set(TRANSITIONS) == set(State) == reachable(State.PROTOCOL_VERSION)


def test_every_step_is_taken_somewhere():
    assert {step for row in TRANSITIONS.values() for step in row} == set(Step)


@pytest.mark.parametrize("state", State)
def test_everything_can_end_and_the_end_is_final(state):
    assert advance(state, Step.ENDED) is State.CLOSED
    assert reachable(State.CLOSED) == {State.CLOSED}


def test_nobody_gets_in_without_being_admitted():
    shut_out = reachable(State.PROTOCOL_VERSION, without={Step.ADMITTED})
    assert not shut_out & {State.CLIENT_INIT, State.NORMAL}


def test_a_wrong_answer_never_gets_in():
    assert reachable(State.FAILED) == {State.FAILED, State.CLOSED}


def test_what_is_not_in_the_table_cannot_happen():
    with pytest.raises(KeyError):
        advance(State.NORMAL, Step.ADMITTED)

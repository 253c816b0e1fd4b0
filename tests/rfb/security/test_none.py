import pytest

from mpvnc.rfb.security import Access, Verdict
from mpvnc.rfb.security.none import NoAuthentication


def test_everybody_gets_in_without_a_question():
    assert NoAuthentication().begin() == Verdict(Access.FULL, is_tacit=True)


def test_nothing_can_be_answered():
    with pytest.raises(RuntimeError):
        NoAuthentication().go_on(b"")

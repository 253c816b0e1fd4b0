from mpvnc.rfb.security import Access
from mpvnc.rfb.security.none import NoAuthentication


def test_everybody_gets_in_without_a_question():
    exchange = NoAuthentication()
    assert (exchange.security_type, exchange.question, exchange.answer_bytes) == (1, b"", 0)
    assert exchange.judge(b"") is Access.FULL

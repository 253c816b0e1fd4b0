import pytest

from mpvnc.errors import ConfigError
from mpvnc.rfb.security import Access, Ask, Verdict
from mpvnc.rfb.security.vncauth import VncAuthentication, des_key, encode_password, is_usable, response

CHALLENGE = bytes(range(16))

# Computed with OpenSSL's DES over the challenge 00 01 .. 0f.
VECTORS = [
    (b"password", "0e86ceceeef64e26", "b866924125c8eebb9debc1db61c538e2"),
    (b"secret", "cea6c64ea62e0000", "ee22539f33a5983ec12f9c2edbc995dd"),
    (b"verylongpassword12345", "6ea64e9e36f676e6", "510e4600a803c96fe8bf0cdbbc82e99d"),
    (b"verylong", "6ea64e9e36f676e6", "510e4600a803c96fe8bf0cdbbc82e99d"),
    (b"", "0000000000000000", "491e890de9ace932838a49792f2213f3"),
]


@pytest.mark.parametrize(("password", "key", "answer"), VECTORS)
def test_vectors(password, key, answer):
    assert des_key(password).hex() == key
    assert response(password, CHALLENGE).hex() == answer


def judge(answer: bytes, password=None, view_only_password=None) -> Access:
    return VncAuthentication(password, view_only_password, CHALLENGE).judge(answer)


@pytest.mark.parametrize(
    ("given", "access"),
    [(b"secret", Access.FULL), (b"watch", Access.VIEW_ONLY), (b"other", Access.DENIED), (b"", Access.DENIED)],
)
def test_each_password_has_its_access(given, access):
    assert judge(response(given, CHALLENGE), b"secret", b"watch") is access


def test_equal_passwords_give_full_control():
    assert judge(response(b"same", CHALLENGE), b"same", b"same") is Access.FULL


def test_only_a_view_only_password():
    assert judge(response(b"watch", CHALLENGE), None, b"watch") is Access.VIEW_ONLY
    assert judge(response(b"", CHALLENGE), None, b"watch") is Access.DENIED
    assert judge(response(b"", CHALLENGE), b"", b"watch") is Access.DENIED


@pytest.mark.parametrize("empty", [b"", b"\0", b"\x80", b"\0\x80\0\0\0\0\0\0", b"\0\0\0\0\0\0\0\0rest"])
def test_the_empty_password_is_never_accepted_in_any_disguise(empty):
    assert response(empty, CHALLENGE) == response(b"", CHALLENGE)
    assert not is_usable(empty)
    assert judge(response(b"", CHALLENGE), empty, empty) is Access.DENIED
    assert judge(response(empty, CHALLENGE), empty, None) is Access.DENIED


def test_usable_passwords():
    assert is_usable(b"x")
    assert is_usable(b"\xe9")
    assert not is_usable(None)


@pytest.mark.parametrize("position", range(16))
def test_every_byte_of_the_answer_counts(position):
    answer = bytearray(response(b"secret", CHALLENGE))
    answer[position] ^= 1
    assert judge(bytes(answer), b"secret") is Access.DENIED


def test_the_question_is_the_challenge():
    exchange = VncAuthentication(b"secret", None, CHALLENGE)
    assert exchange.begin() == Ask(CHALLENGE, 16, is_last=True)
    assert exchange.go_on(response(b"secret", CHALLENGE)) == Verdict(Access.FULL)


def test_passwords_are_latin_1():
    assert encode_password("pé") == b"p\xe9"
    assert judge(response(b"p\xe9", CHALLENGE), encode_password("pé")) is Access.FULL
    with pytest.raises(ConfigError) as error:
        encode_password("geheim€")
    assert "geheim" not in str(error.value)

import pytest

from mpvnc.errors import ConfigError
from mpvnc.rfb.security import Access
from mpvnc.rfb.security.users import (
    Cost,
    User,
    check_name,
    check_password,
    format_user,
    make_user,
    parse_users,
    with_user,
)

QUICK = Cost(2, 1, 1)
SALT = bytes(range(16))
# RFC 7914 section 12, cut to 32 bytes: password "password", salt "NaCl", n 1024, r 8, p 16.
RFC_KEY = bytes.fromhex("fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162")


def user(password: str, role: str = "control") -> User:
    return make_user(password, role, SALT, QUICK)


def test_the_vector_of_the_rfc():
    assert make_user("password", "view", b"NaCl", Cost(1024, 8, 16)).key == RFC_KEY


def test_what_is_formatted_is_parsed():
    users = {"alice": user("a"), "b.o-b@x_1": user("ö€", "view")}
    text = "# who\n\n" + "\n".join(format_user(name, one) for name, one in users.items()) + "\n"
    assert parse_users(text) == users


def test_roles_and_wrong_passwords():
    users = {"alice": user("a"), "bob": user("b", "view"), "nobody": user("")}
    assert check_password(users, "alice", "a") is Access.FULL
    assert check_password(users, "bob", "b") is Access.VIEW_ONLY
    for name, password in (
        ("alice", "b"),
        ("bob", "a"),
        ("carol", "a"),
        ("", ""),
        ("nobody", ""),
        ("alice", ""),
    ):
        assert check_password(users, name, password) is Access.DENIED
    assert check_password({}, "alice", "a") is Access.DENIED


def test_who_does_not_exist_costs_as_much(monkeypatch):
    costs = []
    monkeypatch.setattr("hashlib.scrypt", lambda *_, n, r, p, **__: costs.append((n, r, p)) or bytes(32))
    users = {"alice": user("a")}
    costs.clear()
    for name in ("alice", "carol"):
        check_password(users, name, "guess")
    assert costs == [QUICK, QUICK]


GOOD = format_user("alice", User(Access.FULL, QUICK, SALT, bytes(32))).partition("$")[2]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("alice", "neither view nor control"),
        ("alice:admin:$" + GOOD, "neither view nor control"),
        (":view:$" + GOOD, "no user's name"),
        ("a b:view:$" + GOOD, "no user's name"),
        ("a" * 65 + ":view:$" + GOOD, "no user's name"),
        ("alice:view:secret", "expected"),
        ("alice:view:$bcrypt" + GOOD.removeprefix("scrypt"), "expected"),
        ("alice:view:$" + GOOD + "AAAA", "expected"),
        ("alice:view:$scrypt$2$1$1$$" + "A" * 43 + "=", "expected"),
        ("alice:view:$" + GOOD.replace("$2$1$1$", "$3$1$1$"), "parameters"),
        ("alice:view:$" + GOOD.replace("$2$1$1$", "$0$1$1$"), "parameters"),
        ("alice:view:$" + GOOD.replace("$2$1$1$", "$1073741824$8$1$"), "parameters"),
        ("alice:view:$" + GOOD.replace("$2$1$1$", "$2$1$1000$"), "parameters"),
        ("bob:view:$" + GOOD, "twice"),
    ],
)
def test_lines_that_are_none(line, complaint):
    with pytest.raises(ConfigError, match=complaint) as error:
        parse_users(f"# comment\nbob:view:${GOOD}\n{line}\n")
    assert str(error.value).startswith("line 3: ")
    assert GOOD.rpartition("$")[2] not in str(error.value)


def test_a_line_is_replaced_where_it_stands_and_comments_stay():
    text = "# who\n" + format_user("alice", user("a")) + "\n" + format_user("bob", user("b"))
    changed = with_user(text, "alice", user("new", "view"))
    assert changed.startswith("# who\nalice:view:$")
    assert list(parse_users(changed)) == ["alice", "bob"]
    assert list(parse_users(with_user(changed, "carol", user("c")))) == ["alice", "bob", "carol"]


def test_names():
    check_name("a.b-c_d@e")
    with pytest.raises(ConfigError):
        check_name("a:b")


def test_nothing_secret_is_in_a_representation():
    assert repr(SALT)[2:20] not in repr(user("a"))

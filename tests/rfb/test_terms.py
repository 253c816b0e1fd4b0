"""Reasons. What is offered follows from them: see test_offer.py."""

from __future__ import annotations

import pytest

from mpvnc.constants import SecurityType, VeNCryptSubtype
from mpvnc.rfb.terms import TYPES, Terms, why_not

NOBODY = dict.fromkeys(
    ("is_open", "has_password", "has_users", "can_encrypt", "is_encrypted", "must_encrypt"), False
)


@pytest.mark.parametrize(
    ("kind", "holds", "reason"),
    [
        ("none", ["is_open"], ""),
        ("none", ["has_password"], "there are passwords or users"),
        ("none", ["is_open", "must_encrypt"], "encryption is required"),
        ("none", ["is_open", "must_encrypt", "is_encrypted"], ""),
        ("vncauth", ["is_open"], "there is no password"),
        ("vncauth", ["has_password"], ""),
        ("x509vnc", ["has_password"], "TLS cannot begin there"),
        ("x509vnc", ["has_password", "can_encrypt"], ""),
        ("x509none", ["is_open", "can_encrypt", "is_encrypted"], "TLS cannot begin there"),
        ("plain", ["has_password", "is_encrypted"], "there are no users"),
        ("plain", ["has_users", "can_encrypt"], "it is for UNIX sockets and https alone"),
        ("plain", ["has_users", "is_encrypted"], ""),
        ("x509plain", ["has_users", "can_encrypt"], ""),
        ("tight", ["is_open"], ""),
        ("tight", ["has_password"], ""),
        ("tight", ["has_users"], "there are passwords or users and there is no password"),
    ],
)
def test_reasons(kind: str, holds: list[str], reason: str) -> None:
    assert why_not(TYPES[kind], Terms(**(NOBODY | dict.fromkeys(holds, True)))) == reason


def test_what_is_not_known_is_not_offered() -> None:
    assert why_not(99, Terms(**dict.fromkeys(NOBODY, True))) == "it is not known"


def test_every_subtype_has_a_name_and_so_has_every_type_but_the_wrapper_of_those() -> None:
    assert set(TYPES.values()) == {*SecurityType, *VeNCryptSubtype} - {
        SecurityType.VENCRYPT,
        SecurityType.INVALID,
    }

"""What the configuration says about security, in the terms of the pure half."""

from __future__ import annotations

import os

import pytest

from mpvnc.config import Secrets, load
from mpvnc.constants import VeNCryptSubtype
from mpvnc.errors import ConfigError
from mpvnc.ipc.memory import sealed_memory
from mpvnc.workers.settings import handshake_settings, read_security, refusal_in_clear, security_types
from tests.support.tls import make_pem

PLAIN, X509_NONE, X509_VNC, X509_PLAIN = VeNCryptSubtype
IN_TLS = {X509_NONE, X509_VNC, X509_PLAIN}


def types(*settings: str) -> tuple[int, ...]:
    return security_types(load(None, settings).security)


def test_vencrypt_is_offered_unasked_only_where_it_can_be_trusted_or_is_needed() -> None:
    assert types() == (2, 1, 16)
    for setting in ("tls_cert=/x", "users_file=/x", "require_encryption=true"):
        assert types(f"security.{setting}") == (X509_PLAIN, PLAIN, X509_VNC, X509_NONE, 2, 1, 16)


def test_what_is_named_is_offered_in_that_order() -> None:
    assert types("security.types=vncauth,x509vnc,none") == (2, X509_VNC, 1)
    assert types("security.types=none,vncauth", "security.tls_cert=/x") == (1, 2), "no Tight, no VeNCrypt"


def test_a_connection_is_told_what_it_can() -> None:
    config = load(None, ["security.users_file=/x", "security.require_encryption=true"])
    made = handshake_settings(config, Secrets(password="x"), can_encrypt=True)
    assert (made.can_encrypt, made.is_encrypted, made.must_encrypt, made.has_users) == (
        True,
        False,
        True,
        True,
    )
    made = handshake_settings(load(None), Secrets(), is_encrypted=True)
    assert (made.can_encrypt, made.is_encrypted, made.must_encrypt, made.has_users) == (
        False,
        True,
        False,
        False,
    )


def test_a_browser_is_refused_in_clear_if_encryption_is_required() -> None:
    config = load(None, ["security.require_encryption=true"])
    assert "wants encryption" in refusal_in_clear(config, is_encrypted=False)
    assert refusal_in_clear(config, is_encrypted=True) == ""
    assert refusal_in_clear(load(None), is_encrypted=False) == ""


@pytest.mark.parametrize("text", [b"", b"nonsense\n"])
def test_users_that_cannot_be_read_are_none(text: bytes) -> None:
    fd = sealed_memory("users", text)
    try:
        message = {"certificate": False, "users": True}
        if text:
            with pytest.raises(ConfigError):
                read_security(message, [fd])
        else:
            assert read_security(message, [fd]) == (None, {})
    finally:
        os.close(fd)


def test_the_order_of_the_descriptors() -> None:
    fds = [sealed_memory("certificate", make_pem()), sealed_memory("users", b"")]
    try:
        context, users = read_security({"certificate": True, "users": True}, fds)
        assert context is not None and users == {}
        assert len(fds) == 2, "they stay the caller's"
    finally:
        for fd in fds:
            os.close(fd)

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from mpvnc.config import load
from mpvnc.errors import ConfigError
from mpvnc.supervisor import certificates
from mpvnc.supervisor.certificates import fingerprint_of, own_certificate, read_given
from tests.support.tls import make_pem, split, write_pair

ONE, OTHER = make_pem(), make_pem()


@pytest.fixture
def pair(tmp_path):
    return tuple(map(str, write_pair(tmp_path, ONE)))


def test_certificate_and_key_in_two_files_or_one(pair, tmp_path):
    both = tmp_path / "both.pem"
    both.write_bytes(ONE)
    for pem in (read_given(*pair), read_given(str(both), "")):
        assert fingerprint_of(pem) == fingerprint_of(ONE)


def test_the_fingerprint_is_that_of_the_first_certificate():
    certificate, _ = split(ONE)
    digest = x509.load_pem_x509_certificate(certificate).fingerprint(hashes.SHA256())
    assert fingerprint_of(ONE + OTHER) == ":".join(f"{byte:02X}" for byte in digest)


def test_files_that_do_not_do(pair, tmp_path):
    certificate, key = pair
    other_key = tmp_path / "other.key"
    other_key.write_bytes(split(OTHER)[1])
    nothing = tmp_path / "nothing"
    nothing.write_bytes(b"")
    for files, complaint in [
        ((str(tmp_path / "none"), ""), r"tls_cert: .*none cannot be read: No such file"),
        ((certificate, str(tmp_path / "none")), r"tls_key: .*none cannot be read: No such file"),
        ((certificate, str(other_key)), "not that of the certificate"),
        ((certificate, ""), "no certificate with its private key"),
        ((str(nothing), key), "holds no certificate"),
    ]:
        with pytest.raises(ConfigError, match=complaint):
            read_given(*files)


@pytest.fixture
def made(monkeypatch):
    """Stand in for the program that makes certificates; the list of what it was asked for."""
    asked = []
    monkeypatch.setattr(certificates, "_make", lambda *_: asked.append(1) or make_pem())
    return asked


def own(directory):
    return own_certificate(load(None, [f"server.state_dir={directory}"]), {})


def test_ours_is_made_once_and_kept(tmp_path, made, caplog):
    directory = tmp_path / "new" / "state"
    pem, origin = own(directory)
    assert own(directory) == (own(directory)[0], origin)
    assert fingerprint_of(own(directory)[0]) == fingerprint_of(pem)
    assert made == [1]
    assert origin == str(directory / "self-signed.crt")
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()}
    assert modes["self-signed.key"] == 0o600
    assert set(modes) == {"self-signed.key", "self-signed.crt"}
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert b"PRIVATE" not in (directory / "self-signed.crt").read_bytes()


def test_a_key_of_ours_that_everybody_can_read_is_warned_about(tmp_path, made, caplog):
    own(tmp_path)
    own(tmp_path)
    assert "chmod" not in caplog.text
    (tmp_path / "self-signed.key").chmod(0o644)
    own(tmp_path)
    assert "self-signed.key can be read by everybody: chmod 600" in caplog.text


def test_servers_that_start_together_agree(tmp_path, made):
    with ThreadPoolExecutor(4) as pool:
        pems = list(pool.map(lambda _: own(tmp_path)[0], range(4)))
    assert len({fingerprint_of(pem) for pem in pems}) == 1
    assert made == [1]


def test_where_nothing_can_be_kept_it_lasts_for_one_start(tmp_path, made, caplog):
    (tmp_path / "file").write_text("")
    pem, origin = own(tmp_path / "file" / "state")
    assert fingerprint_of(pem) and origin == "made for this start"
    assert "server.state_dir" in caplog.text


def test_what_was_broken_since_is_said_and_not_overwritten(tmp_path, made):
    own(tmp_path)
    (tmp_path / "self-signed.key").write_bytes(split(OTHER)[1])
    with pytest.raises(ConfigError, match=r"self-signed\.key"):
        own(tmp_path)
    assert (tmp_path / "self-signed.key").read_bytes() == split(OTHER)[1]


def test_the_program_is_told_the_listeners_names(tmp_path):
    settings = ["server.listeners=desk.example:1,*:2,[2001:db8::1]:3,unix:/x"]
    pem = certificates._make(load(None, settings), os.environ)
    made = x509.load_pem_x509_certificate(pem[pem.index(b"-----BEGIN CERT") :])
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert "desk.example" in names.get_values_for_type(x509.DNSName)
    assert "2001:db8::1" in map(str, names.get_values_for_type(x509.IPAddress))


def test_a_program_that_fails_is_told_in_one_line(monkeypatch):
    monkeypatch.setattr(certificates.sys, "executable", "/bin/false")
    with pytest.raises(ConfigError, match=r"security\.tls: false"):
        certificates._make(load(None), {})

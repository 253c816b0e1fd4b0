from __future__ import annotations

import datetime
import ipaddress
import socket
import ssl

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from mpvnc.supervisor import selfsigned

NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


def test_what_is_made():
    pem = selfsigned.make(["desk.example", "192.0.2.1", "::1", "desk.example", "b\u00fccher.example"], NOW)
    key = serialization.load_pem_private_key(pem, None)
    made = x509.load_pem_x509_certificate(pem[pem.index(b"-----BEGIN CERT") :])
    assert isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name == "secp256r1"
    assert key.public_key() == made.public_key()
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["desk.example", "xn--bcher-kva.example"]
    addresses = [ipaddress.ip_address(text) for text in ("192.0.2.1", "::1")]
    assert names.get_values_for_type(x509.IPAddress) == addresses
    assert made.not_valid_before_utc < NOW < made.not_valid_after_utc - datetime.timedelta(days=3000)
    assert made.subject == made.issuer
    made.verify_directly_issued_by(made)


def test_a_long_host_name_does_not_break_it():
    selfsigned.make(["x" * 63 + ".example"], NOW)


def test_the_names_of_this_machine():
    names = list(selfsigned.names_of_this_machine())
    assert names[0] == socket.gethostname()
    assert {"localhost", "127.0.0.1", "::1"} <= set(names)
    assert not any(name.startswith("fe80") for name in names)


def test_the_program_prints_key_and_certificate(capfdbinary):
    selfsigned.main(["viewer.example"])
    pem = capfdbinary.readouterr().out
    made = x509.load_pem_x509_certificate(pem[pem.index(b"-----BEGIN CERT") :])
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert "viewer.example" in names.get_values_for_type(x509.DNSName)
    assert ssl.PEM_cert_to_DER_cert(pem[pem.index(b"-----BEGIN CERT") :].decode())

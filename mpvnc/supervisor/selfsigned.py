"""A program that makes a certificate for this machine and prints key and certificate as PEM.

It is a process of its own because the `cryptography` package is large, and needed once in a server's life. It
writes no file; the key leaves it through a pipe. Names and addresses of this machine are looked up without
asking anybody: `localhost`, the host's name, the addresses of its interfaces, and the arguments.
"""

from __future__ import annotations

import datetime
import ipaddress
import socket
import sys
from collections.abc import Iterable, Iterator, Sequence

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from mpvnc.supervisor.addresses import ipv4_addresses, ipv6_addresses

VALID_DAYS = 3650
_COMMON_NAME_LETTERS = 64


def make(names: Iterable[str], now: datetime.datetime) -> bytes:
    """Return a P-256 key and a certificate for these names and addresses, signed by itself, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    names = list(dict.fromkeys(names))
    subject = x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, f"mpvnc on {names[0]}"[:_COMMON_NAME_LETTERS])]
    )
    usage = x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=True, crl_sign=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=VALID_DAYS))
        .add_extension(x509.SubjectAlternativeName(map(_general_name, names)), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return private + certificate.public_bytes(pem)


def names_of_this_machine() -> Iterator[str]:
    """Yield the names and addresses under which others may reach this machine; its own name first."""
    yield socket.gethostname()
    yield from ("localhost", "127.0.0.1", "::1")
    yield from ipv4_addresses()
    yield from ipv6_addresses()


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name.encode("idna").decode("ascii"))


def main(argv: Sequence[str]) -> None:
    """Print what was made."""
    names = [*names_of_this_machine(), *argv]
    sys.stdout.buffer.write(make(names, datetime.datetime.now(datetime.UTC)))


if __name__ == "__main__":
    main(sys.argv[1:])

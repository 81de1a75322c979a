"""Certificates, their keys, and files that nobody else may read."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from omega_cli.doctor.findings import Finding, fault, ok, warning

CHECK = "certificates"
SOON = timedelta(days=14)
"""A certificate that ends within this is to be renewed now."""
SECRETS = ("_TOKEN_KEYS", "_ENROLMENT_KEY_FILE", "_CLAIM_FILE", "_KEY")
"""Endings of variables that name files which only their owner may read."""
AUTHORITIES = ("_CA", "_CA_CERTIFICATE")
"""Endings of variables that name certificates which sign others."""
_OTHERS = 0o077


def check_certificates(
    environ: Mapping[str, str], now: datetime | None = None
) -> Iterator[Finding]:
    """Looks at every file that the OMEGA_ variables of an environment name."""
    at = now or datetime.now(UTC)
    given = {name: value for name, value in environ.items() if name.startswith("OMEGA_") and value}
    for name, value in sorted(given.items()):
        path = Path(value)
        if name.endswith(SECRETS):
            yield from check_secret(name, path)
        if name.endswith("_CERTIFICATE"):
            key = given.get(name.removesuffix("_CERTIFICATE") + "_KEY")
            yield from check_pair(name, path, Path(key) if key else None, at)
        elif name.endswith(AUTHORITIES):
            yield from check_pair(name, path, None, at)


def check_secret(name: str, path: Path) -> Iterator[Finding]:
    """Whether a file is there for its owner alone."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        yield fault(CHECK, f"{name}: {path} cannot be read ({error.strerror})", "name another file")
        return
    if mode & _OTHERS:
        what = f"{name}: {path} has mode {mode & 0o777:03o}, and others may read it"
        yield fault(CHECK, what, f"chmod 600 {path}")
    else:
        yield ok(CHECK, f"{name} is for its owner alone")


def check_pair(name: str, path: Path, key: Path | None, now: datetime) -> Iterator[Finding]:
    """Whether certificates can be read, are good now, and go with their key and each other."""
    try:
        chain = x509.load_pem_x509_certificates(path.read_bytes())
    except OSError as error:
        yield fault(CHECK, f"{name}: {path} cannot be read ({error.strerror})", "name another file")
        return
    except ValueError:
        yield fault(CHECK, f"{name}: {path} holds no PEM certificate", "name another file")
        return
    leaf = chain[0]
    for each in chain:
        yield from _dates(name, each, now)
    if not name.endswith("_CA"):
        yield from _signed(name, chain)
    if key is not None:
        yield from _key(name, leaf, key)


def _dates(name: str, certificate: x509.Certificate, now: datetime) -> Iterator[Finding]:
    ends = certificate.not_valid_after_utc
    who = certificate.subject.rfc4514_string() or f"serial {certificate.serial_number:x}"
    told = f"{name} ({who})"
    if now < certificate.not_valid_before_utc:
        begins = certificate.not_valid_before_utc
        what = f"{told} begins only at {begins:%Y-%m-%d %H:%M} UTC"
        yield fault(CHECK, what, "set this machine's clock, or have it signed anew")
    elif now >= ends:
        yield fault(CHECK, f"{told} ended at {ends:%Y-%m-%d %H:%M} UTC", "have it signed anew")
    elif ends - now < SOON:
        what = f"{told} ends at {ends:%Y-%m-%d %H:%M} UTC"
        yield warning(CHECK, what, "have it signed anew before")
    else:
        yield ok(CHECK, f"{told} is good until {ends:%Y-%m-%d}")


def _signed(name: str, chain: list[x509.Certificate]) -> Iterator[Finding]:
    for certificate, issuer in itertools.pairwise(chain):
        try:
            certificate.verify_directly_issued_by(issuer)
        except (ValueError, TypeError, InvalidSignature):
            what = f"{name}: a certificate is not signed by the one below it"
            yield fault(CHECK, what, "put the leaf first, and each issuer after what it signed")


def _key(name: str, leaf: x509.Certificate, path: Path) -> Iterator[Finding]:
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError, TypeError):
        what = f"{name}: {path} is no readable PEM key without a password"
        yield fault(CHECK, what, "name the key of the certificate")
        return
    if key.public_key() == leaf.public_key():
        yield ok(CHECK, f"{name} goes with its key")
    else:
        yield fault(CHECK, f"{name} has another key than {path}", "name the key it was signed for")

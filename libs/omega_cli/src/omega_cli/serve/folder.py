"""The folder that a shard is served from: its data, and the certificates and keys made for it."""

from __future__ import annotations

import fcntl
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from omega_cli import certs
from omega_core.errors import invalid
from omega_rpc import local_authority
from omega_rpc.device_keys import write_private

LIFETIME = timedelta(days=365)
"""Of the server's certificate; its authorities last ten times as long."""
RENEWED = timedelta(days=30)
"""A server's certificate that ends within this is made anew at a start."""


@dataclass(frozen=True)
class ServeFolder:
    """Files of a folder that is served from."""

    path: Path
    """Itself."""

    @property
    def pki(self) -> Path:
        """Certificates, as `omega certs` makes them."""
        return self.path / "pki"

    @property
    def server_ca(self) -> Path:
        """What TVs trust."""
        return self.pki / "server-ca.pem"

    @property
    def postgres(self) -> Path:
        """The database cluster."""
        return self.path / "postgres"

    @property
    def logs(self) -> Path:
        """What services say."""
        return self.path / "logs"

    @property
    def profile(self) -> Path:
        """How commands reach the shard: for OMEGA_CLI_PROFILE."""
        return self.path / "profile.toml"

    @property
    def operators(self) -> Path:
        """Keys that sign operators' tokens, as the console takes them."""
        return self.pki / "operators.jwks"

    @property
    def token_keys(self) -> Path:
        """Keys of device tokens."""
        return self.path / "token-keys"

    @property
    def enrolment_key(self) -> Path:
        """What a TV must know to register."""
        return self.path / "enrolment-key"

    @property
    def threshold_secret(self) -> Path:
        """What keys of reports of pairs follow from, where such are taken."""
        return self.path / "threshold-secret"

    @property
    def randomness(self) -> Path:
        """What the randomness server keeps, where it is served too."""
        return self.path / "randomness"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Holds the folder, which is made if absent, for this process alone.

        Raises:
            OmegaError: INVALID_FIELD --data when another process holds it.
            OSError: it cannot be made.
        """
        # Open to go through: as root, the database runs as another user.
        self.path.mkdir(mode=0o711, parents=True, exist_ok=True)
        with (self.path / "lock").open("wb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                bound = "a folder that no other process serves from"
                raise invalid("--data", bound) from None
            yield

    def prepare(self, names: Sequence[str]) -> None:
        """Makes what is absent, and a server's certificate that is ending or has other names.

        Killed half way, the next call completes it.

        Raises:
            OmegaError: INVALID_FIELD when a name or a file that is there is of no use.
            OSError: a file cannot be read or written.
        """
        now = datetime.now(UTC)
        if not self.pki.exists():
            half = self.path / "pki.new"
            shutil.rmtree(half, ignore_errors=True)
            certs.make(half, names, LIFETIME, now)
            half.rename(self.pki)
        elif not self._good(names, now):
            self._renew(names, now)
        if not (self.pki / "operators.key").exists():
            # The key set alone is what a crash left: nothing was signed for it.
            (self.pki / "operators.jwks").unlink(missing_ok=True)
            certs.token(self.pki, "viewer", "desk", timedelta(minutes=1), now)
        if not self.token_keys.exists():
            write_private(self.token_keys, f"first:{secrets.token_hex(32)}\n".encode())
        if not self.enrolment_key.exists():
            write_private(self.enrolment_key, f"{secrets.token_urlsafe(32)}\n".encode())

    def prepare_reports(self) -> None:
        """Makes what reports of pairs need, where it is absent.

        Raises:
            OSError: a file cannot be written.
        """
        self.randomness.mkdir(mode=0o700, exist_ok=True)
        if not self.threshold_secret.exists():
            write_private(self.threshold_secret, f"{secrets.token_urlsafe(48)}\n".encode())

    def _good(self, names: Sequence[str], now: datetime) -> bool:
        try:
            certificate = x509.load_pem_x509_certificate((self.pki / "server.pem").read_bytes())
        except FileNotFoundError:
            return False
        stated = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        known = {str(name.value) for name in stated}
        return set(names) <= known and certificate.not_valid_after_utc - now > RENEWED

    def _renew(self, names: Sequence[str], now: datetime) -> None:
        certificate = x509.load_pem_x509_certificate(self.server_ca.read_bytes())
        key = load_pem_private_key((self.pki / "server-ca.key").read_bytes(), None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise invalid("server-ca.key", "an elliptic curve's")
        issuer = local_authority.Signed(certificate, key)
        made = local_authority.server(issuer, names, now, LIFETIME)
        # Key first: between the two a crash leaves a pair that does not fit, which _good does not
        # see, so the old certificate goes before either.
        (self.pki / "server.pem").unlink(missing_ok=True)
        write_private(self.pki / "server.key", made.key_pem())
        write_private(self.pki / "server.pem", made.certificate_pem())
        (self.pki / "server.pem").chmod(0o644)

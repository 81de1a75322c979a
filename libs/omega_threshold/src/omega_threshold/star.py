"""What a report is made of (STAR: Davidson, Snyder, Quirk, Genereux, Livshits, Haddadi 2022).

The coins are the oblivious function's output for the pair. From them follows a secret, and from the
secret everything else: the polynomial of the shares, the key, and with the pair the tag. So all
honest reports of a pair differ in the point of their share alone, and whoever has found the secret
can recompute every honest report of it and tell all others (as in Bellare, Dai, Rogaway 2020).
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from functools import cached_property

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from omega_core import validate
from omega_core.errors import OmegaError
from omega_threshold import ristretto, shamir
from omega_threshold.pair import Pair
from omega_threshold.report import MAX_THRESHOLD, MIN_THRESHOLD, POINT_BYTES, TAG_BYTES, Report
from omega_threshold.suite import OUTPUT_BYTES

_KEY_BYTES = 64


@dataclass(frozen=True)
class Sealing:
    """How all reports of one pair in one epoch are made."""

    epoch: int
    """Of the key that the coins come from."""
    threshold: int
    """How many shares give the secret."""
    secret: int = field(repr=False)
    """The polynomial's value at 0."""

    @classmethod
    def of_coins(cls, coins: bytes, epoch: int, threshold: int) -> Sealing:
        """The sealing that a TV's coins stand for.

        Args:
            coins: OUTPUT_BYTES from the oblivious function under the epoch's key.
            epoch: 0 to MAX_EPOCH.
            threshold: MIN_THRESHOLD to MAX_THRESHOLD.

        Raises:
            OmegaError: INVALID_FIELD coins or threshold.
        """
        validate.size("coins", coins, OUTPUT_BYTES)
        validate.integer("threshold", threshold, MIN_THRESHOLD, MAX_THRESHOLD)
        return cls(epoch, threshold, _number(_derived(coins, b"secret", epoch, threshold)))

    def report(self, pair: Pair, x: int | None = None) -> Report:
        """A report of `pair`, the pair whose coins these are.

        Args:
            pair: what is sealed.
            x: the point of the share; drawn where none is given. To send a report again is to send
                the same bytes: two points are two reports.
        """
        while not x:
            x = secrets.randbits(8 * POINT_BYTES)
        y = shamir.share(self._coefficients, x)
        return Report(self.epoch, self.threshold, self._tag(pair), x, y, self._sealed(pair))

    def opened(self, report: Report) -> Pair | None:
        """The pair of a report of this sealing, wherever its share lies; None for another's."""
        try:
            pair = Pair.decode(AESSIV(self._key).decrypt(report.sealed, [self._bound]))
        except (InvalidTag, OmegaError):
            return None
        return pair if self._tag(pair) == report.tag else None

    def holds(self, report: Report) -> bool:
        """Whether the share of a report lies on the polynomial."""
        return shamir.share(self._coefficients, report.x) == report.y

    @cached_property
    def _coefficients(self) -> tuple[int, ...]:
        drawn = (self._derived(b"coefficient %d" % n) for n in range(1, self.threshold))
        return (self.secret, *map(_number, drawn))

    @cached_property
    def _key(self) -> bytes:
        return self._derived(b"key")

    @property
    def _bound(self) -> bytes:
        return b"%d %d" % (self.epoch, self.threshold)

    def _tag(self, pair: Pair) -> bytes:
        return self._derived(b"tag " + pair.encode())[:TAG_BYTES]

    def _sealed(self, pair: Pair) -> bytes:
        # Deterministic by design: AES-SIV (RFC 5297) takes no nonce, and a key seals one pair.
        return AESSIV(self._key).encrypt(pair.encode(), [self._bound])

    def _derived(self, label: bytes) -> bytes:
        material = self.secret.to_bytes(ristretto.SCALAR_BYTES, "little")
        return _derived(material, label, self.epoch, self.threshold)


def _derived(material: bytes, label: bytes, epoch: int, threshold: int) -> bytes:
    """_KEY_BYTES of HKDF-Expand (RFC 5869) with SHA-512; the material is uniform already."""
    info = b"omega.threshold.v1 %d %d %s" % (epoch, threshold, label)
    return HKDFExpand(SHA512(), _KEY_BYTES, info).derive(material)


def _number(uniform: bytes) -> int:
    return int.from_bytes(ristretto.scalar(uniform), "little")

"""The operator's keys, one an epoch and purpose, all from one secret.

So replicas and shards that hold the secret agree without a word, and nothing is stored. The price:
whoever finds the secret finds the keys of all epochs. By them nobody opens a pair or learns who
reported it; he can make tokens, and read what relays hand on while it is on its way. Keys of the
randomness server are not made like this: see omega_threshold.keyring.
"""

from __future__ import annotations

import threading
from datetime import datetime

from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from omega_core.errors import invalid
from omega_threshold.envelope import KEY_BYTES, Gateway, KeyConfig
from omega_threshold.epochs import Schedule
from omega_threshold.oprf import SecretKey

MIN_SECRET_BYTES, MAX_SECRET_BYTES = 32, 1_024
"""Bounds of the secret's length."""
INFO = b"omega.threshold.v1 tokens"
"""What keys of tokens are for."""
KEY_IDS = 256
"""Key ids of a gateway: an epoch's is its rest by this."""


class DerivedKeys:
    """Keys of the epochs that are open. Threads may share it.

    Args:
        secret: MIN_SECRET_BYTES to MAX_SECRET_BYTES of secure chance.
        schedule: of the epochs.

    Raises:
        OmegaError: INVALID_FIELD secret.
    """

    def __init__(self, secret: bytes, schedule: Schedule) -> None:
        if not MIN_SECRET_BYTES <= len(secret) <= MAX_SECRET_BYTES:
            raise invalid("secret", f"{MIN_SECRET_BYTES} to {MAX_SECRET_BYTES:,} bytes")
        self.schedule = schedule
        self._secret = secret
        self._lock = threading.Lock()
        self._tokens: dict[int, SecretKey] = {}
        self._served: tuple[range, Gateway] = (range(0), Gateway({}))

    def key(self, epoch: int, now: datetime) -> SecretKey:
        """The key of tokens of an epoch that is open.

        Raises:
            OmegaError: EPOCH_CLOSED epoch.
        """
        self.schedule.check_open(epoch, now)
        with self._lock:
            if epoch not in self._tokens:
                served = self.schedule.open(now)
                self._tokens = {e: key for e, key in self._tokens.items() if e in served}
                seed = self._derived(b"tokens", epoch)
                self._tokens[epoch] = SecretKey.derived(seed, INFO)
            return self._tokens[epoch]

    def gateway(self, now: datetime) -> Gateway:
        """Reads what was sealed for an epoch that is open, or for the one that closed last.

        So a TV whose clock is late is told, inside the answer.
        """
        served = self.schedule.open(now)
        served = range(max(0, served.start - 1), served.stop)
        with self._lock:
            if self._served[0] != served:
                keys = {epoch % KEY_IDS: self._derived(b"gateway", epoch) for epoch in served}
                self._served = (served, Gateway(keys))
            return self._served[1]

    def config(self, epoch: int, now: datetime) -> KeyConfig:
        """What TVs are told of the gateway's key of an epoch that is open.

        Raises:
            OmegaError: EPOCH_CLOSED epoch.
        """
        self.schedule.check_open(epoch, now)
        return self.gateway(now).config(epoch % KEY_IDS)

    def _derived(self, purpose: bytes, epoch: int) -> bytes:
        """KEY_BYTES of HKDF (RFC 5869) with SHA-512."""
        info = b"omega.threshold.v1 %s %d" % (purpose, epoch)
        return HKDF(SHA512(), KEY_BYTES, None, info).derive(self._secret)

"""The services of the demo: real processes on loopback, all of them stopped at the end."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from omega_core.closing import Starting
from omega_testing.postgres import EmbeddedPostgres
from omega_testing.processes import AT_ONCE, ServiceProcess

ANY_PORT = "127.0.0.1:0"
PAIR_BYTES = 12_000
"""What reports of pairs may cost a brain of the demo a day: three days' worth."""


class Cluster(Starting):
    """Postgres, constellation, sync and federation worker; brains are added one by one.

    Args:
        encoder: what the brains are to use, "minilm" or "lexical".
        environ: further variables of every process.
        threshold: reports that open a pair. 0 = TVs send sketches; else they report pairs, and a
            randomness server and a relay run beside the rest.
        pair_bytes: what reports of pairs may cost a brain a day.
    """

    constellation: ServiceProcess
    """Owner of the shard's data."""
    sync: ServiceProcess
    """The TVs' door."""
    worker: ServiceProcess
    """Rounds, on request."""
    randomness: ServiceProcess
    """Coins of reports; with a threshold."""
    relay: ServiceProcess
    """Hands reports on; with a threshold."""

    def __init__(
        self,
        encoder: str,
        environ: Mapping[str, str] | None = None,
        *,
        threshold: int = 0,
        pair_bytes: int = PAIR_BYTES,
    ) -> None:
        super().__init__()
        self._encoder = encoder
        self._environ = dict(environ or {})
        self._threshold = threshold
        self._pair_bytes = pair_bytes

    def brain(self, name: str, **settings: str) -> ServiceProcess:
        """Starts a brain on the storage directory of that name; settings win over the demo's."""
        usual = {
            "OMEGA_BRAIN_STORAGE_PATH": str(self.storage(name)),
            "OMEGA_BRAIN_ENCODER": self._encoder,
            "OMEGA_BRAIN_CONSTELLATION_URL": f"http://{self.sync.address}",
            **AT_ONCE,
            "OMEGA_BRAIN_LISTEN": ANY_PORT,
            "OMEGA_BRAIN_PLATFORM": "demo",
        }
        if self._threshold:
            usual |= {
                "OMEGA_BRAIN_SHARING": "threshold",
                "OMEGA_BRAIN_PAIR_BYTES_A_DAY": str(self._pair_bytes),
                "OMEGA_BRAIN_RELAY_URL": f"http://{self.relay.address}",
                "OMEGA_BRAIN_RANDOMNESS_URL": f"http://{self.randomness.address}",
            }
        return self._service("omega-brain", **{**usual, **settings})

    def storage(self, name: str) -> Path:
        """The storage directory of a brain."""
        return self._root / name

    @property
    def database_url(self) -> str:
        """The shard's Postgres."""
        return self._postgres.url

    def restart_sync(self) -> None:
        """Starts sync again, after it was killed, where it was."""
        self.sync = self._start_sync(self.sync.address)

    def _start(self) -> None:
        self._root = Path(tempfile.mkdtemp(prefix="omega-demo-"))
        self._stack.callback(shutil.rmtree, self._root, ignore_errors=True)
        self._postgres = self._stack.enter_context(EmbeddedPostgres())
        keys = self._root / "token-keys"
        keys.touch(mode=0o600)
        keys.write_text(f"demo:{secrets.token_hex(32)}\n", "ascii")
        taking = self._start_randomness() if self._threshold else {}
        self.constellation = self._service(
            "omega-constellation",
            OMEGA_CONSTELLATION_DATABASE_URL=self._postgres.url,
            OMEGA_CONSTELLATION_LISTEN=ANY_PORT,
            **taking,
        )
        self.sync = self._start_sync(ANY_PORT)
        if self._threshold:
            self.relay = self._service(
                "omega-relay",
                OMEGA_RELAY_LISTEN=ANY_PORT,
                OMEGA_RELAY_GATEWAY_TARGET=self.sync.address,
                # All TVs of the demo are one network.
                OMEGA_RELAY_CALLS_PER_MINUTE="1000000",
                OMEGA_RELAY_CALL_BURST="1000000",
            )
        self.worker = self._service(
            "omega-federation-worker",
            OMEGA_FEDERATION_DATABASE_URL=self._postgres.url,
            OMEGA_FEDERATION_PERIOD_SECONDS="0",
            OMEGA_FEDERATION_LISTEN=ANY_PORT,
        )

    def _start_randomness(self) -> dict[str, str]:
        """Another party's server; returns what the constellation has to know."""
        folder, secret = self._root / "randomness", self._root / "threshold-secret"
        folder.mkdir()
        secret.touch(mode=0o600)
        secret.write_text(secrets.token_hex(32), "ascii")
        self.randomness = self._service(
            "omega-randomness",
            OMEGA_RANDOMNESS_LISTEN=ANY_PORT,
            OMEGA_RANDOMNESS_STORAGE_PATH=str(folder),
        )
        return {
            "OMEGA_CONSTELLATION_THRESHOLD_SECRET_FILE": str(secret),
            "OMEGA_CONSTELLATION_THRESHOLD": str(self._threshold),
            "OMEGA_CONSTELLATION_RANDOMNESS_TARGET": self.randomness.address,
        }

    def _start_sync(self, listen: str) -> ServiceProcess:
        return self._service(
            "omega-sync",
            OMEGA_SYNC_CONSTELLATION_TARGET=self.constellation.address,
            OMEGA_SYNC_TOKEN_KEYS=str(self._root / "token-keys"),
            OMEGA_SYNC_LISTEN=listen,
            OMEGA_SYNC_POLL_SECONDS="0.05",
            # A whole fleet calls from this machine, and in minutes what takes it days.
            OMEGA_SYNC_DEVICE_SYNCS_PER_MINUTE="100000",
            OMEGA_SYNC_DEVICE_SYNC_BURST="100000",
            OMEGA_SYNC_DEVICE_CALL_BURST="100000",
            OMEGA_SYNC_NETWORK_CALLS_PER_MINUTE="10000000",
            OMEGA_SYNC_NETWORK_CALL_BURST="1000000",
            OMEGA_SYNC_RELAY_CALLS_PER_MINUTE="10000000",
            OMEGA_SYNC_RELAY_CALL_BURST="1000000",
        )

    def _service(self, command: str, **environ: str) -> ServiceProcess:
        return self._stack.enter_context(ServiceProcess([command], self._environ | environ))

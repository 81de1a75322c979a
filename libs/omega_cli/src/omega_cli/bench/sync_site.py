"""What `omega bench sync` measures: a gateway, a constellation and Postgres as real processes."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Self

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from omega_cli.bench import proc
from omega_cli.bench.sync_load import MODEL, Order
from omega_core.closing import Starting
from omega_rpc import local_authority
from omega_rpc.authorities import DeviceAuthority
from omega_rpc.device_keys import DeviceKey
from omega_rpc.tls import ClientTls
from omega_rpc.tokens import TokenClaims, TokenKeys, new_key_line
from omega_store import Store, devices, migrate
from omega_testing.fleet import patterns
from omega_testing.postgres import EmbeddedPostgres
from omega_testing.processes import ServiceProcess
from omega_testing.published import publish
from omega_testing.site import write

_DAY = timedelta(days=1)
_ANY = "127.0.0.1:0"
_MOST = "10000000"
_TOGETHER = 1_000


class Site(Starting):
    """A shard with a fleet and two published states; a context manager.

    Args:
        fleet: registered devices.
        environ: further variables of its services.
        secure: whether there is a gateway with TLS, too.
    """

    gateway: ServiceProcess
    """Without TLS."""
    secure: ServiceProcess
    """With TLS."""

    def __init__(
        self, fleet: int, environ: Mapping[str, str] | None = None, *, secure: bool = True
    ) -> None:
        super().__init__()
        self._environ = dict(environ or {})
        self._secure = secure
        self._key = DeviceKey.generate()
        self.tokens: list[str] = []
        """One a device."""
        self.ca = ""
        """PEM of who signed `secure`."""
        self._fleet = fleet
        self._first = ""

    def order(
        self,
        kind: str,
        calls: int,
        together: int,
        *,
        tls: bool = False,
        certificate: bool = False,
        **named: float,
    ) -> Order:
        """What TVs are to do at one of the gateways."""
        address = (self.secure if tls else self.gateway).address
        return Order(
            kind,
            self.secure.addresses["mtls_listen"] if certificate else address,
            self.ca if tls or certificate else "",
            self.tokens,
            self._key.pem().decode(),
            self._chain if certificate else "",
            calls,
            together,
            **named,  # type: ignore[arg-type]  # by name
        )

    def tvs(self, order: Order) -> Load:
        """A process of TVs; a context manager."""
        return Load(order)

    def cpu(self) -> dict[str, float]:
        """Seconds of processor time that each part has used."""
        parts = {
            "sync": [self.gateway.pid, *([self.secure.pid] if self._secure else [])],
            "constellation": [self._constellation.pid],
            "Postgres": [self._postgres.pid],
        }
        return {name: sum(map(proc.used_seconds, pids)) for name, pids in parts.items()}

    def scrape(self) -> int:
        """Collects the metrics of the services without TLS that offer them; characters of all."""
        services = (self.gateway, self._constellation)
        return sum(len(each.scrape()) for each in services if "metrics_listen" in each.addresses)

    def grow(self, fleet: int) -> None:
        """Registers devices until there are so many."""
        now = datetime.now(UTC)
        keys = TokenKeys.read("token_keys", self._keys)
        while len(self.tokens) < fleet:
            made = [
                f"tv-{uuid.uuid4().hex}" for _ in range(min(_TOGETHER, fleet - len(self.tokens)))
            ]
            with self._store.transaction() as conn:
                for device_id in made:
                    devices.register(
                        conn,
                        device_id=device_id,
                        request_id=str(uuid.uuid4()),
                        platform="bench",
                        app_version="1",
                        now=now,
                        key_sha256=self._key.public.sha256,
                    )
            self._first = self._first or made[0]
            for device_id in made:
                thumbprint = self._key.public.thumbprint
                claims = TokenClaims(device_id, "local", thumbprint, now, now + _DAY)
                self.tokens.append(keys.issue(claims))

    def _start(self) -> None:
        folder = Path(tempfile.mkdtemp(prefix="omega-bench-"))
        self._stack.callback(shutil.rmtree, folder, ignore_errors=True)
        self._postgres = self._stack.enter_context(EmbeddedPostgres())
        migrate(self._postgres.url)
        self._store = self._stack.enter_context(Store.connect(self._postgres.url))
        self._keys = write(folder / "token.keys", new_key_line().encode())
        self.grow(self._fleet)
        publish(self._store, patterns(64), model_version=MODEL)
        publish(self._store, patterns(4), model_version=MODEL)
        self._constellation = self._stack.enter_context(
            ServiceProcess(
                ["omega-constellation"],
                {
                    **self._environ,
                    "OMEGA_CONSTELLATION_DATABASE_URL": self._postgres.url,
                    "OMEGA_CONSTELLATION_LISTEN": _ANY,
                },
            )
        )
        now = datetime.now(UTC)
        servers = local_authority.authority("bench", now, _DAY)
        leaf = local_authority.server(servers, ["localhost", "127.0.0.1"], now, _DAY)
        owners = local_authority.authority("devices", now, _DAY)
        authority = DeviceAuthority((owners.certificate,), owners.key)
        signed = authority.sign(self._key.public.public, self._first, "local", now, _DAY)
        self._chain = (
            x509.load_der_x509_certificate(signed.chain[0])
            .public_bytes(serialization.Encoding.PEM)
            .decode()
        )
        ca = write(folder / "ca.pem", servers.certificate_pem())
        self.ca = ca.read_text("ascii")
        self.gateway = self._gateway({})
        if not self._secure:
            return
        self.secure = self._gateway(
            {
                "OMEGA_SYNC_TLS_CERTIFICATE": str(
                    write(folder / "server.pem", leaf.certificate_pem())
                ),
                "OMEGA_SYNC_MTLS_LISTEN": _ANY,
                "OMEGA_SYNC_DEVICE_CA": str(
                    write(folder / "devices.pem", owners.certificate_pem())
                ),
                "OMEGA_SYNC_TLS_KEY": str(write(folder / "server.key", leaf.key_pem())),
            },
            ca,
        )

    def _gateway(self, tls: Mapping[str, str], ca: Path | None = None) -> ServiceProcess:
        return self._stack.enter_context(
            ServiceProcess(
                ["omega-sync"],
                {
                    **self._environ,
                    "OMEGA_SYNC_LISTEN": _ANY,
                    "OMEGA_SYNC_TOKEN_KEYS": str(self._keys),
                    "OMEGA_SYNC_CONSTELLATION_TARGET": self._constellation.address,
                    # Few TVs do here what many do elsewhere.
                    "OMEGA_SYNC_DEVICE_SYNCS_PER_MINUTE": _MOST,
                    "OMEGA_SYNC_DEVICE_SYNC_BURST": _MOST,
                    "OMEGA_SYNC_DEVICE_CALLS_PER_MINUTE": _MOST,
                    "OMEGA_SYNC_DEVICE_CALL_BURST": _MOST,
                    "OMEGA_SYNC_NETWORK_CALLS_PER_MINUTE": _MOST,
                    "OMEGA_SYNC_NETWORK_CALL_BURST": _MOST,
                    **tls,
                },
                tls=ClientTls(ca) if ca else None,
            )
        )


class Load:
    """TVs in a process of their own; a context manager.

    Args:
        order: what they do.
    """

    def __init__(self, order: Order) -> None:
        self._order = order

    def __enter__(self) -> Self:
        self._log = tempfile.TemporaryFile("w+")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "omega_cli.bench.sync_load"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        self.go(self._order.as_json())
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()
        self._log.close()

    def go(self, line: str = "") -> None:
        """Says a line."""
        _stream(self._process.stdin).write(line + "\n")
        _stream(self._process.stdin).flush()

    def said(self, name: str) -> float:
        """Waits for what they say next.

        Raises:
            RuntimeError: they ended; the text ends with their log.
        """
        line = _stream(self._process.stdout).readline()
        if not line:
            self._log.seek(0)
            raise RuntimeError(f"the TVs ended:\n{self._log.read()[-4_000:]}")
        return float(json.loads(line)[name])


def _stream(given: IO[str] | None) -> IO[str]:
    if given is None:
        raise RuntimeError("the process was started without pipes")
    return given

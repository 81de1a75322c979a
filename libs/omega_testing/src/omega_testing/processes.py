"""The project's services as real processes."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from omega_core.closing import Closing
from omega_rpc.channel import connect
from omega_rpc.tls import ClientTls
from omega_testing.supervised import Supervised

_START_SECONDS = 30.0
_STOP_SECONDS = 30.0
_KEPT = {"OMEGA_CACHE_DIR"}
UNHURRIED = {
    # A busy machine is no reason for a simpler list.
    "OMEGA_BRAIN_RECOMMEND_TIMEOUT_MS": "10000",
}
"""Settings of a brain that takes its time."""
AT_ONCE = {
    "OMEGA_BRAIN_SYNC_INTERVAL_SECS": "0",
    "OMEGA_BRAIN_SHARE_DELAY_HOURS": "0",
    "OMEGA_BRAIN_FACTORS_HOURS": "0",
    "OMEGA_BRAIN_CATALOGUE_HOURS": "0",
}
"""Settings of a brain that calls its fleet when it is asked to, and then holds nothing back."""
_DEFAULTS = {
    # Nothing leaves this machine unless a test says where to.
    "OMEGA_BRAIN_CONSTELLATION_URL": "",
    "OMEGA_BRAIN_SHARE_DELAY_HOURS": "0",
    **UNHURRIED,
}


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nothing listened on just now.

    Prefer port 0 and ServiceProcess.address; this is for addresses that must be known before.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class ServiceProcess(Closing):
    """A console script of this project, serving; a context manager.

    Args:
        args: script and arguments, such as ["omega-constellation"].
        env: its OMEGA_ variables. Those of this process are not passed on, except
            OMEGA_CACHE_DIR. A brain keeps to itself and takes its time unless they say otherwise.
        directory: where its log lies, kept afterwards; None = a temporary one.
        serving: wait for SERVING; False = only until it listens.
        tls: how to reach its health service when it speaks TLS.
        begun: is given its process id before it serves.
        inside: what the command begins with, such as ["ip", "netns", "exec", NAME].
        patience: seconds that it has until it serves.
        prefix: folder of the virtual environment whose script it is; None = this one. Another one
            runs what is installed there alone: PYTHONPATH is not passed on.

    Raises:
        RuntimeError: it ended, or did not serve in time; the text ends with its log.
    """

    def __init__(
        self,
        args: Sequence[str],
        env: Mapping[str, str],
        *,
        directory: Path | None = None,
        serving: bool = True,
        tls: ClientTls | None = None,
        begun: Callable[[int], None] | None = None,
        inside: Sequence[str] = (),
        patience: float = _START_SECONDS,
        prefix: Path | None = None,
    ) -> None:
        self._temporary = None if directory else Path(tempfile.mkdtemp(prefix="omega-service-"))
        self._directory = directory or self._temporary or Path()
        self._directory.mkdir(parents=True, exist_ok=True)
        self._name = args[0]
        self._tls = tls
        self._output = self._directory / f"{self._name}.out"
        self._output.write_bytes(b"")
        inherited = {
            k: v for k, v in os.environ.items() if not k.startswith("OMEGA_") or k in _KEPT
        }
        if prefix is not None:
            inherited.pop("PYTHONPATH", None)
        try:
            self._process = Supervised(
                [*inside, str((prefix or Path(sys.prefix)) / "bin" / self._name), *args[1:]],
                {**inherited, **_DEFAULTS, **env},
                output=self._output,
                log=self._directory / f"{self._name}.log",
                directory=self._directory,
                scratch=self._temporary,
                patience=_STOP_SECONDS,
            )
        except BaseException:
            self._clear()
            raise
        try:
            if begun:
                begun(self.pid)
            deadline = time.monotonic() + patience
            self.addresses = self._listening(deadline)
            self.address = self.addresses.pop("listening")
            if serving:
                self.wait_serving(deadline - time.monotonic())
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def log(self) -> str:
        """The end of its log."""
        return self._process.tail()

    def kill(self) -> None:
        """SIGKILL, as a crash would; returns when it is gone."""
        self._process.kill()

    def terminate(self) -> int:
        """SIGTERM; returns its exit code, 128 + N when signal N ended it."""
        return self._process.stop()

    def close(self) -> None:
        """Stops it and removes a temporary directory. May be called twice."""
        self._process.stop()
        self._clear()

    def serving(self) -> bool:
        """Whether its health service says SERVING now."""
        with connect(self.address, self._tls, retries=False) as channel:
            try:
                answer = health_pb2_grpc.HealthStub(channel).Check(
                    health_pb2.HealthCheckRequest(), timeout=2
                )
            except grpc.RpcError:
                return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    def wait_serving(self, seconds: float = _START_SECONDS) -> None:
        """Waits until health says SERVING.

        Raises:
            RuntimeError: it ended, or time is over.
        """
        deadline = time.monotonic() + seconds
        while not self.serving():
            self._check("did not serve", deadline)
            time.sleep(0.02)

    def scrape(self) -> str:
        """What it tells Prometheus; only with OMEGA_METRICS_LISTEN in `env`."""
        address = self.addresses["metrics_listen"]
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=20) as answer:
            return str(answer.read().decode())

    def _clear(self) -> None:
        if self._temporary:
            shutil.rmtree(self._temporary, ignore_errors=True)

    def _listening(self, deadline: float) -> dict[str, str]:
        while True:
            for line in self._output.read_text("utf-8").splitlines():
                if line.startswith('{"listening":') and line.endswith("}"):
                    return {name: str(value) for name, value in json.loads(line).items()}
            self._check("did not listen", deadline)
            time.sleep(0.02)

    def _check(self, complaint: str, deadline: float) -> None:
        if not self.running():
            raise RuntimeError(f"{self._name} ended with {self._process.poll()}:\n{self.log()}")
        if time.monotonic() > deadline:
            raise RuntimeError(f"{self._name} {complaint} in time:\n{self.log()}")

"""A server of this machine that was gone is found by the first call after it has come back."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest

from omega_rpc.channel import connect
from omega_rpc.config import ServerConfig
from omega_rpc.server import Server
from omega_testing.probe import ProbeClient, probe, running

# grpc's own pauses are 1 s and then 1.6 s, each a fifth more or less. Half a second went by in the
# retries of the call that failed: after this, the first pause is over, and the second is longer
# than the retries of the next call reach.
GONE_SECONDS = 0.75


@pytest.fixture
def serve(tmp_path: Path) -> Callable[[], Server]:
    """A server on one and the same socket, each time anew."""
    return lambda: Server(
        ServerConfig(f"unix:{tmp_path}/socket", grace_seconds=0), [probe(bytes.upper)]
    )


def test_the_first_call_finds_it(serve: Callable[[], Server], tmp_path: Path) -> None:
    with connect(f"unix:{tmp_path}/socket") as channel:
        client = ProbeClient(channel)
        with running(serve()):
            assert client.unary(b"a", timeout=20) == b"A"
        with pytest.raises(grpc.RpcError) as refused:
            client.unary(b"b", timeout=20)
        assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
        time.sleep(GONE_SECONDS)
        with running(serve()):
            assert client.unary(b"c", timeout=20) == b"C"

"""A network that blocks gRPC: a real TV reaches real services over HTTP, and remembers how."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from omega_cli.demo.cluster import Cluster
from omega_client import BrainClient
from omega_rpc import local_authority
from omega_testing.processes import ServiceProcess, free_port


@pytest.mark.parametrize("transport", ["h3", "http1"])
def test_a_tv_whose_network_blocks_grpc_reaches_the_fleet_over_http(
    transport: str, tmp_path: Path
) -> None:
    now, life = datetime.now(UTC), timedelta(days=1)
    authority = local_authority.authority("e2e", now, life)
    server = local_authority.server(authority, ["127.0.0.1", "localhost"], now, life)
    for name, data in (
        ("ca.pem", authority.certificate_pem()),
        ("server.pem", server.certificate_pem()),
        ("server.key", server.key_pem()),
        ("keys", b"e2e:" + b"ab" * 32 + b"\n"),
    ):
        path = tmp_path / name
        path.touch(mode=0o600)
        path.write_bytes(data)
    port = free_port()
    with Cluster("lexical") as cluster:
        environ = {
            "OMEGA_SYNC_LISTEN": "127.0.0.1:0",
            "OMEGA_SYNC_HTTP_LISTEN": f"127.0.0.1:{port}",
            "OMEGA_SYNC_QUIC_LISTEN": f"127.0.0.1:{port}",
            "OMEGA_SYNC_TLS_CERTIFICATE": str(tmp_path / "server.pem"),
            "OMEGA_SYNC_TLS_KEY": str(tmp_path / "server.key"),
            "OMEGA_SYNC_TOKEN_KEYS": str(tmp_path / "keys"),
            "OMEGA_SYNC_CONSTELLATION_TARGET": cluster.constellation.address,
        }
        with ServiceProcess(["omega-sync"], environ, serving=False):
            process = cluster.brain(
                "blocked",
                # Nobody listens there: a connection is refused, as a firewall does it.
                OMEGA_BRAIN_CONSTELLATION_URL="https://127.0.0.1:1",
                OMEGA_BRAIN_CONSTELLATION_HTTP_URL=f"https://127.0.0.1:{port}",
                OMEGA_BRAIN_CONSTELLATION_TLS_CA=str(tmp_path / "ca.pem"),
                OMEGA_BRAIN_TRANSPORTS=f"grpc,{transport}",
            )
            with BrainClient(process.address) as client:
                client.sync_now()
                assert client.get_stats().sync.transport == transport
                client.sync_now()
                assert client.get_stats().sync.transport == transport

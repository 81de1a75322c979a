"""A real gateway, constellation and Postgres, with both listeners."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from omega.sync.v1 import sync_service_pb2 as pb
from omega_client import AdminClient, ConstellationClient
from omega_constellation.app import build as build_constellation
from omega_constellation.config import ConstellationConfig
from omega_core.clock import ManualClock
from omega_rpc import local_authority
from omega_rpc.config import ServerConfig
from omega_rpc.tokens import TokenKeys
from omega_sync.app import build
from omega_sync.config import SyncConfig
from omega_testing.probe import running
from omega_testing.site import Seconds, Site, write

DAY = timedelta(days=1)
LOCAL = ServerConfig("127.0.0.1:0", grace_seconds=0)
Build = Callable[..., Site]


@pytest.fixture
def build_site(database_url: str, key_file: Path, tmp_path: Path) -> Iterator[Build]:
    """build_site(enrolment={...}, **settings of the gateway) -> a site."""
    with ExitStack() as stack:

        def begin(enrolment: dict[str, Any] | None = None, **settings: Any) -> Site:
            clock, seconds = ManualClock(datetime.now(UTC)), Seconds()
            now = clock.now()
            devices = local_authority.authority("devices", now, 30 * DAY)
            servers = local_authority.authority("servers", now, 30 * DAY)
            leaf = local_authority.server(servers, ["localhost", "127.0.0.1"], now, DAY)
            device_ca = write(tmp_path / "devices.pem", devices.certificate_pem())
            constellation = build_constellation(
                ConstellationConfig(
                    database_url=database_url,
                    device_ca_certificate=device_ca,
                    device_ca_key=write(tmp_path / "devices.key", devices.key_pem()),
                    **(enrolment or {}),
                ),
                LOCAL,
            )
            stack.callback(constellation.close)
            target = stack.enter_context(running(constellation.server))
            config = SyncConfig(
                **{
                    "token_keys": key_file,
                    "constellation_target": target,
                    "poll_seconds": 0.05,
                    "mtls_listen": "127.0.0.1:0",
                    "device_ca": device_ca,
                    **settings,
                }
            )
            server = replace(
                LOCAL,
                tls_certificate=write(tmp_path / "server.pem", leaf.certificate_pem()),
                tls_key=write(tmp_path / "server.key", leaf.key_pem()),
            )
            gateway = build(config, server, clock, seconds)
            stack.callback(gateway.close)
            address = stack.enter_context(running(gateway.server))
            return Site(
                stack,
                tmp_path,
                clock,
                seconds,
                TokenKeys.read("token_keys", key_file),
                devices,
                write(tmp_path / "servers.pem", servers.certificate_pem()),
                address,
                gateway.server.addresses["mtls_listen"],
                gateway.server.addresses,
                stack.enter_context(ConstellationClient(target)),
                stack.enter_context(AdminClient(target)),
            )

        yield begin


@pytest.fixture
def site(build_site: Build) -> Site:
    """A site with nothing set that need not be."""
    return build_site()


@pytest.fixture
def push() -> Callable[..., pb.SyncRequest]:
    """push(sketches, **fields) -> a request."""

    def make(sketches: int = 2, **changed: Any) -> pb.SyncRequest:
        fields: dict[str, Any] = {
            "request_id": str(uuid.uuid4()),
            "model_version": "encoder-1",
            "sketches": bytes(48 * sketches),
            "classes": bytes(sketches),
        }
        return pb.SyncRequest(**(fields | changed))

    return make

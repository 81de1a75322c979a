"""Puts the gateway together."""

from __future__ import annotations

import grpc

from omega.sync.v1 import sync_service_pb2_grpc
from omega_core.errors import OmegaError, invalid
from omega_rpc.aio.gate import Gate
from omega_rpc.aio.server import Listener, Server
from omega_rpc.config import ServerConfig
from omega_rpc.server import Binding
from omega_rpc.service import Application
from omega_rpc.tls import ClientTls, client_credentials, mutual_credentials
from omega_rpc.tokens import TokenKeys
from omega_sync.access import DeviceTokens, Enrolment
from omega_sync.batches import Batches
from omega_sync.config import SyncConfig
from omega_sync.core import SyncCore
from omega_sync.heads import Heads
from omega_sync.servicer import SyncServicer
from omega_sync.steps import Steps
from omega_sync.streams import Streams
from omega_sync.upstream import Constellation


def build(config: SyncConfig, server_config: ServerConfig) -> Application:
    """A gateway that is ready to start.

    Raises:
        OmegaError: INVALID_FIELD that names the setting at fault.
    """
    keys = TokenKeys.read("token_keys", config.token_keys)
    enrolment = Enrolment.read("enrolment_key_file", config.enrolment_key_file)
    constellation = Constellation(
        config.constellation_target,
        _constellation_credentials(config),
        config.call_timeout_seconds,
        config.resource_timeout_seconds,
    )
    batches = Batches(constellation.ingest, config.most_waiting_pushes)
    heads = Heads(constellation.heads, config.poll_seconds)
    core = SyncCore(
        constellation,
        batches,
        heads,
        Steps(constellation.news),
        keys,
        enrolment,
        call_seconds=config.call_timeout_seconds,
        max_bodies=config.max_resource_streams,
    )
    streams = Streams(core, heads, config.streams())
    binding = Binding(
        "omega.sync.v1.SyncService",
        sync_service_pb2_grpc.add_SyncServiceServicer_to_server,
        SyncServicer(core, streams),
    )
    server = Server(
        server_config,
        [binding],
        gate=Gate(DeviceTokens(keys)),
        readiness=constellation.serving,
        listeners=_listeners(config, server_config),
        parts=[constellation, heads, batches, streams],
    )
    return Application(server)


def _listeners(config: SyncConfig, server_config: ServerConfig) -> list[Listener]:
    if config.device_ca is None:
        return []
    credentials = mutual_credentials(server_config, "device_ca", config.device_ca)
    return [Listener("mtls_listen", config.mtls_listen, credentials)]


def _constellation_credentials(config: SyncConfig) -> grpc.ChannelCredentials | None:
    ca, certificate = config.constellation_tls_ca, config.constellation_tls_certificate
    if ca is None:
        return None
    try:
        return client_credentials(ClientTls(ca, certificate, config.constellation_tls_key))
    except OmegaError as error:
        raise invalid(f"constellation_{error.field}", error.bound) from error

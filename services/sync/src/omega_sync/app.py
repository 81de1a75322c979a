"""Puts the gateway together."""

from __future__ import annotations

import grpc

from omega.sync.v1 import sync_service_pb2_grpc
from omega_core.errors import OmegaError, invalid
from omega_rpc.channel import connect
from omega_rpc.config import ServerConfig
from omega_rpc.server import Binding, Server
from omega_rpc.service import Application
from omega_rpc.tls import ClientTls
from omega_rpc.tokens import TokenKeys
from omega_sync.access import DeviceTokens, Enrolment
from omega_sync.config import SyncConfig
from omega_sync.servicer import SyncServicer
from omega_sync.upstream import Constellation


def build(config: SyncConfig, server_config: ServerConfig) -> Application:
    """A gateway that is ready to start.

    Raises:
        OmegaError: INVALID_FIELD that names the setting at fault.
    """
    if config.max_resource_streams >= server_config.workers:
        raise invalid("max_resource_streams", "below workers, so that threads remain for syncs")
    keys = TokenKeys.read("token_keys", config.token_keys)
    enrolment = Enrolment.read("enrolment_key_file", config.enrolment_key_file)
    channel = _channel(config)
    constellation = Constellation(
        channel, config.call_timeout_seconds, config.resource_timeout_seconds
    )
    servicer = SyncServicer(constellation, keys, enrolment, config.max_resource_streams)
    binding = Binding(
        "omega.sync.v1.SyncService",
        sync_service_pb2_grpc.add_SyncServiceServicer_to_server,
        servicer,
    )
    server = Server(
        server_config,
        [binding],
        authenticator=DeviceTokens(keys),
        readiness=constellation.serving,
    )
    return Application(server, close=channel.close)


def _channel(config: SyncConfig) -> grpc.Channel:
    ca, certificate = config.constellation_tls_ca, config.constellation_tls_certificate
    tls = ClientTls(ca, certificate, config.constellation_tls_key) if ca else None
    try:
        # TVs repeat a failed call; repeating it here too would multiply the load of a bad hour.
        return connect(config.constellation_target, tls, retries=False)
    except OmegaError as error:
        raise invalid(f"constellation_{error.field}", error.bound) from error

"""Puts the relay together."""

from __future__ import annotations

import time
from datetime import timedelta

import grpc

from omega.threshold.v1 import relay_service_pb2_grpc
from omega_core.shared_clock import service_clock
from omega_relay.config import RelayConfig
from omega_relay.keys import KeysCopy
from omega_relay.servicer import RelayServicer
from omega_rpc.channel import credentials_of, options
from omega_rpc.config import ServerConfig
from omega_rpc.rate_limits import RateLimit
from omega_rpc.server import Binding, Server
from omega_rpc.service import Application


def build(config: RelayConfig, server_config: ServerConfig) -> Application:
    """A relay that is ready to start; its gateway need not be there yet.

    Raises:
        OmegaError: INVALID_FIELD that names the setting at fault.
    """
    channel = _channel(config)
    limit = RateLimit(config.rate(), "network", time.monotonic)
    age = timedelta(seconds=config.keys_seconds)
    keys = KeysCopy(channel, age, config.call_timeout_seconds, service_clock())
    binding = Binding(
        "omega.threshold.v1.RelayService",
        relay_service_pb2_grpc.add_RelayServiceServicer_to_server,
        RelayServicer(channel, limit, keys, config.call_timeout_seconds),
    )
    try:
        server = Server(server_config, [binding])
    except BaseException:
        channel.close()
        raise
    return Application(server, close=channel.close)


def _channel(config: RelayConfig) -> grpc.Channel:
    """A bare channel: those of omega_rpc tell the other end of the caller's trace."""
    target, credentials = config.gateway_target, credentials_of(config.tls())
    if credentials is None:
        return grpc.insecure_channel(target, options=options(target))
    return grpc.secure_channel(target, credentials, options=options(target))

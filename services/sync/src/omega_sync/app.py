"""Puts the gateway together."""

from __future__ import annotations

from collections.abc import Callable

from omega.sync.v1 import sync_service_pb2_grpc
from omega.threshold.v1 import relay_service_pb2_grpc
from omega_core import limits
from omega_core.clock import Clock
from omega_core.errors import OmegaError, invalid
from omega_core.shared_clock import seconds_of, service_clock
from omega_rpc.aio.gate import Gate
from omega_rpc.aio.server import Listener, Part, Server
from omega_rpc.config import ServerConfig, is_local
from omega_rpc.server import Binding
from omega_rpc.service import Application
from omega_rpc.tls import ClientTls, RenewedCredentials, mutual_credentials
from omega_rpc.tokens import TokenKeys
from omega_sync.access import Access, Enrolment
from omega_sync.audit import open_audit
from omega_sync.batches import Batches
from omega_sync.bodies import Bodies
from omega_sync.config import SyncConfig
from omega_sync.core import SyncCore
from omega_sync.fleet import Fleet
from omega_sync.heads import Heads, ShutOut
from omega_sync.identities import Identities
from omega_sync.registration import Registration
from omega_sync.reports import GatewayServicer, Reports
from omega_sync.servicer import SyncServicer
from omega_sync.shards import Open, Shard
from omega_sync.steps import Steps
from omega_sync.streams import Streams
from omega_sync.upstream import Constellation
from omega_sync.web.guard import Guard
from omega_sync.web.quic import QuicListener
from omega_sync.web.service import application
from omega_sync.web.tcp import WebListener


def build(
    config: SyncConfig,
    server_config: ServerConfig,
    clock: Clock | None = None,
    seconds: Callable[[], float] | None = None,
) -> Application:
    """A gateway that is ready to start.

    Args:
        config: its settings.
        server_config: those of its listeners.
        clock: the time of credentials; None = the machine's, or a simulation's.
        seconds: the time of limits; None = that of the clock.

    Raises:
        OmegaError: INVALID_FIELD that names the setting at fault.
    """
    clock = clock or service_clock()
    seconds = seconds or seconds_of(clock)
    keys = TokenKeys.read("token_keys", config.token_keys)
    enrolment = Enrolment.read("enrolment_key_file", config.enrolment_key_file)
    shut_out = ShutOut()
    opened = _opener(config)
    fleet = Fleet(
        opened("", config.constellation_target, shut_out),
        opened,
        shut_out,
        config.region,
        config.poll_seconds,
    )
    identities = Identities(fleet)
    audit = open_audit("audit_log", config.audit_log, clock)
    access = Access(keys, config.terms(), fleet.check, clock, audit, seconds)
    core = SyncCore(
        fleet,
        Steps(),
        Bodies(config.resource_cache_mb << 20),
        Registration(identities, access, enrolment, audit),
        identities,
        access.count_sync,
        call_seconds=config.call_timeout_seconds,
        body_seconds=config.resource_timeout_seconds,
        max_bodies=config.max_resource_streams,
    )
    reports = Reports(fleet, access.count_sync)
    streams = Streams(core, fleet, config.streams(), clock, seconds)
    bindings = [
        Binding(
            "omega.sync.v1.SyncService",
            sync_service_pb2_grpc.add_SyncServiceServicer_to_server,
            SyncServicer(core, streams, reports),
        ),
        Binding(
            "omega.threshold.v1.GatewayService",
            relay_service_pb2_grpc.add_GatewayServiceServicer_to_server,
            GatewayServicer(reports),
        ),
    ]
    gate = Gate(access, trusts_traces=config.trust_traces)
    server = Server(
        server_config,
        bindings,
        gate=gate,
        max_message=limits.MAX_GATEWAY_REQUEST,
        readiness=fleet.serving,
        listeners=_listeners(config, server_config),
        parts=[
            fleet,
            streams,
            *_web(config, server_config, Guard(application(core, streams, reports, gate))),
        ],
    )
    return Application(server, close=audit.close)


def _opener(config: SyncConfig) -> Open:
    credentials = _constellation_credentials(config)

    def opened(name: str, target: str, shut_out: ShutOut) -> Shard:
        constellation = Constellation(
            target, credentials, config.call_timeout_seconds, config.resource_timeout_seconds
        )
        batches = Batches(constellation.ingest, config.most_waiting_pushes)
        heads = Heads(constellation.heads, config.poll_seconds, shut_out)
        return Shard(name, target, constellation, batches, heads)

    return opened


def _listeners(config: SyncConfig, server_config: ServerConfig) -> list[Listener]:
    if config.device_ca is None:
        return []
    credentials = mutual_credentials(server_config, "device_ca", config.device_ca)
    return [Listener("mtls_listen", config.mtls_listen, credentials)]


def _constellation_credentials(config: SyncConfig) -> RenewedCredentials | None:
    ca, certificate = config.constellation_tls_ca, config.constellation_tls_certificate
    if ca is None:
        return None
    try:
        return RenewedCredentials(ClientTls(ca, certificate, config.constellation_tls_key))
    except OmegaError as error:
        raise invalid(f"constellation_{error.field}", error.bound) from error


def _web(config: SyncConfig, server_config: ServerConfig, guarded: Guard) -> list[Part]:
    """Listeners of HTTP; HTTP/3 first, so that the other can announce it."""
    parts: list[Part] = []
    alternative: QuicListener | None = None
    if config.quic_listen:
        if server_config.tls_certificate is None:
            raise invalid("tls_certificate", "set when quic_listen is")
        alternative = QuicListener(
            guarded, config.quic_listen, server_config, early_data=config.quic_early_data
        )
        parts.append(alternative)
    if config.http_listen:
        if server_config.tls_certificate is None and not is_local(config.http_listen):
            raise invalid("http_listen", "a loopback address until TLS is configured")
        parts.append(WebListener(guarded, config.http_listen, server_config, alternative))
    return parts

"""Puts the constellation together."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from omega.constellation.v1 import constellation_service_pb2_grpc
from omega.threshold.v1 import relay_service_pb2_grpc
from omega_constellation import metering
from omega_constellation.admin_routes import AdminRoutes
from omega_constellation.codebooks import Codebooks
from omega_constellation.config import ConstellationConfig
from omega_constellation.directories import Directories
from omega_constellation.enrolment import Enrolment
from omega_constellation.gateway import GatewayServicer
from omega_constellation.judge import Judge
from omega_constellation.maintenance import Maintenance
from omega_constellation.mover import Mover
from omega_constellation.news import StateNews
from omega_constellation.peers import Peers
from omega_constellation.readiness import Readiness
from omega_constellation.reports import NotTaken
from omega_constellation.servicer import ConstellationServicer
from omega_constellation.stats import Stats
from omega_constellation.steps import CODINGS, Steps
from omega_core.clock import Clock
from omega_core.errors import OmegaError, invalid
from omega_core.shared_clock import service_clock
from omega_rpc.authorities import DeviceAuthority
from omega_rpc.config import ServerConfig
from omega_rpc.server import Binding, Server
from omega_rpc.service import Application
from omega_store import PushWriter, Store

if TYPE_CHECKING:
    from omega_constellation.reporting import Reporting


def build(config: ConstellationConfig, server_config: ServerConfig) -> Application:
    """A constellation that is ready to start; its database need not be there yet.

    Raises:
        OmegaError: INVALID_FIELD that names the setting at fault.
    """
    clock = service_clock()
    enrolment = Enrolment(
        shard=config.shard,
        fleet=config.fleet,
        require_claim=config.require_claim,
        authority=_authority(config),
        lifetime=timedelta(hours=config.device_certificate_hours),
        max_devices=config.max_devices,
    )
    directories = Directories(config.shard)
    peers = _peers(config)
    taking = _taking(config, server_config)
    store = Store.connect(config.database_url, config.store())
    writer = PushWriter(store, config.push_writer(), clock)
    readiness = Readiness(store, migrating=config.migrate_at_start)
    reporting = taking(store, clock) if taking else None
    mover = Mover(store, directories, peers, clock, lambda: readiness.ready, config.move_seconds)
    servicer = ConstellationServicer(
        store,
        writer,
        StateNews(store, Codebooks(store)),
        {coding.kind: Steps(store, coding) for coding in CODINGS},
        clock,
        push_seconds=config.push_seconds,
        sync_interval=timedelta(seconds=config.sync_interval_seconds),
        enrolment=enrolment,
        held=directories,
        reports=reporting,
    )
    stats = Stats(store, directories, config.max_devices, clock)
    judge = Judge(
        store,
        directories,
        config.release_plan(),
        config.judging(),
        clock,
        config.release_look_seconds,
    )
    bindings = [
        Binding(
            "omega.constellation.v1.ConstellationService",
            constellation_service_pb2_grpc.add_ConstellationServiceServicer_to_server,
            servicer,
        ),
        Binding(
            "omega.constellation.v1.AdminService",
            constellation_service_pb2_grpc.add_AdminServiceServicer_to_server,
            AdminRoutes(store, clock, directories, peers, stats),
        ),
        Binding(
            "omega.threshold.v1.GatewayService",
            relay_service_pb2_grpc.add_GatewayServiceServicer_to_server,
            GatewayServicer(reporting or NotTaken()),
        ),
    ]
    gauges = metering.shard.looker(stats.gauges)
    maintenance = Maintenance(store, config.retention(), clock, readiness)

    def started() -> None:
        maintenance.start()
        judge.start()
        mover.start()
        gauges.start()
        if reporting:
            reporting.start()

    def close() -> None:
        gauges.stop()
        maintenance.stop()
        judge.stop()
        mover.close()
        if reporting:
            reporting.close()
        peers.close()
        writer.close()
        store.close()

    try:
        server = Server(server_config, bindings, readiness=readiness)
    except BaseException:
        close()
        raise
    return Application(server, close=close, started=started)


def _peers(config: ConstellationConfig) -> Peers:
    try:
        return Peers(config.peer_tls())
    except OmegaError as error:
        raise invalid(f"peer_{error.field}", error.bound) from error


def _taking(
    config: ConstellationConfig, server_config: ServerConfig
) -> Callable[[Store, Clock], Reporting] | None:
    """Makes what takes reports of pairs; None where the operator has set no secret for them."""
    if config.threshold_secret_file is None:
        return None
    # Its cryptography writes a file as it is loaded, which a shard without reports need not allow.
    from omega_constellation.reporting import taking  # noqa: PLC0415

    return taking(config, server_config.workers)


def _authority(config: ConstellationConfig) -> DeviceAuthority | None:
    certificate, key = config.device_ca_certificate, config.device_ca_key
    if certificate is None or key is None:
        return None
    return DeviceAuthority.read("device_ca_certificate", certificate, "device_ca_key", key)

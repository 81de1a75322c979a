"""Puts the federation worker together."""

from __future__ import annotations

import logging
import uuid

from omega.federation.v1 import federation_service_pb2_grpc
from omega_core.shared_clock import service_clock
from omega_federation_worker import fleet, metering
from omega_federation_worker.config import FederationConfig
from omega_federation_worker.job import RoundJob
from omega_federation_worker.schedule import Schedule
from omega_federation_worker.servicer import FederationServicer
from omega_rpc.config import ServerConfig
from omega_rpc.server import Binding, Server
from omega_rpc.service import Application
from omega_store import Store, pending_on, rounds
from omega_store.rounds import Round

_log = logging.getLogger(__name__)


def build(config: FederationConfig, server_config: ServerConfig) -> Application:
    """A worker that is ready to start; its database need not be there yet.

    Raises:
        OmegaError: INVALID_FIELD that names the setting at fault.
    """
    if config.shards_file is not None:
        return _fleet(config, server_config)
    clock = service_clock()
    store = Store.connect(config.database_url, config.store())
    job = RoundJob(store, config.plan(), clock, config.scratch_directory)
    recovered = False

    def ready() -> bool:
        nonlocal recovered
        with store.statements("look for migrations") as conn:
            if pending_on(conn):
                return False
        if not recovered:
            job.recover()
            recovered = True
        return True

    def waiting() -> Round | None:
        with store.statements("look for request") as conn:
            return rounds.requested(conn)

    schedule = Schedule(job, config.period_seconds, clock, ready, waiting)
    records = metering.looker(store)
    binding = Binding(
        "omega.federation.v1.FederationService",
        federation_service_pb2_grpc.add_FederationServiceServicer_to_server,
        FederationServicer(store, job),
    )

    def started() -> None:
        records.start()
        schedule.start()

    def close() -> None:
        records.stop()
        schedule.stop()
        store.close()

    try:
        server = Server(server_config, [binding], readiness=ready)
    except BaseException:
        close()
        raise
    return Application(server, close=close, started=started)


def _fleet(config: FederationConfig, server_config: ServerConfig) -> Application:
    """A worker of a fleet: leads its rounds, answers for all shards, and copies to them."""
    clock = service_clock()
    opened = fleet.Fleet(config, clock)

    schedule = Schedule(opened.job, config.period_seconds, clock, opened.ready, opened.waiting)
    binding = Binding(
        "omega.federation.v1.FederationService",
        federation_service_pb2_grpc.add_FederationServiceServicer_to_server,
        FederationServicer(opened.home, opened.job),
    )

    def started() -> None:
        opened.serve()
        schedule.start()

    def close() -> None:
        schedule.stop()
        opened.close()

    try:
        server = Server(server_config, [binding], readiness=opened.ready)
    except BaseException:
        close()
        raise
    return Application(server, close=close, started=started)


def run_once(config: FederationConfig) -> int:
    """Runs one round and exits: 0 when it was published.

    Raises:
        OmegaError: why it was not.
    """
    return _run(config, refresh=False)


def refresh_once(config: FederationConfig) -> int:
    """The same with a round that learns from everything.

    Raises:
        OmegaError: why it was not published.
    """
    return _run(config, refresh=True)


def lead_once(config: FederationConfig) -> int:
    """Leads one round for which other processes answer, and exits: 0 when it was published.

    Raises:
        OmegaError: why it was not.
    """
    return fleet.run_once(config, refresh=False, answers=False)


def _run(config: FederationConfig, *, refresh: bool) -> int:
    if config.shards_file is not None:
        return fleet.run_once(config, refresh=refresh)
    with Store.connect(config.database_url, config.store()) as store:
        job = RoundJob(store, config.plan(), service_clock(), config.scratch_directory)
        done = job.run(str(uuid.uuid4()), refresh=refresh)
    _log.info("round %d: %s", done.round_id, done.figures)
    return 0

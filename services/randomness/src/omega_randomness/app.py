"""Puts the randomness server together."""

from __future__ import annotations

import sqlite3
from contextlib import ExitStack

from omega.threshold.v1 import randomness_service_pb2_grpc
from omega_core.errors import invalid
from omega_core.shared_clock import service_clock
from omega_randomness.budget import Budget
from omega_randomness.config import RandomnessConfig
from omega_randomness.servicer import RandomnessServicer
from omega_rpc.config import ServerConfig
from omega_rpc.server import Binding, Server
from omega_rpc.service import Application
from omega_threshold import KeyRing


def build(config: RandomnessConfig, server_config: ServerConfig) -> Application:
    """A randomness server that is ready to start.

    Raises:
        OmegaError: INVALID_FIELD that names the setting at fault.
    """
    clock, folder = service_clock(), config.storage_path
    with ExitStack() as opened:
        try:
            keys = opened.enter_context(
                KeyRing(folder / "keys.sqlite", "omega.threshold.v1 pairs", config.schedule())
            )
            budget = opened.enter_context(
                Budget(folder / "evaluations.sqlite", config.max_evaluations)
            )
        except (OSError, sqlite3.Error) as error:
            raise invalid("storage_path", "a folder that this process may write to") from error

        def ready() -> bool:
            """Asked once a second; an epoch's key goes though nobody calls."""
            keys.close_epochs(clock.now())
            return True

        binding = Binding(
            "omega.threshold.v1.RandomnessService",
            randomness_service_pb2_grpc.add_RandomnessServiceServicer_to_server,
            RandomnessServicer(keys, budget, clock),
        )
        server = Server(server_config, [binding], readiness=ready)
        return Application(server, close=opened.pop_all().close)

"""The console script omega-constellation."""

from __future__ import annotations

import logging
import sys

import omega_rpc  # noqa: F401 - before grpc is loaded: what TLS it speaks
from omega_constellation.app import build
from omega_constellation.config import PREFIX, ConstellationConfig
from omega_rpc import memory
from omega_rpc.service import EXIT_UNAVAILABLE, Service, run_service
from omega_store import MigrationError, migrate

_log = logging.getLogger(__name__)


def main() -> int:
    """Runs the shard's owner; returns the exit code."""
    # Each of many threads encodes now and then: with an arena each, memory grows round by round.
    memory.bound_heap()
    return run_service(
        Service(
            name="omega-constellation",
            prefix=PREFIX,
            config=ConstellationConfig,
            listen="127.0.0.1:50072",
            # Threads wait for the group commit, so they bound how many pushes share one.
            workers=32,
            build=build,
            commands={"--migrate-only": ("bring the schema up to date and exit", _migrate)},
        )
    )


def _migrate(config: ConstellationConfig) -> int:
    try:
        applied = migrate(config.database_url)
    except MigrationError as error:
        _log.error("%s", error)
        return EXIT_UNAVAILABLE
    _log.info("migrations applied: %s", ", ".join(applied) or "none were missing")
    return 0


if __name__ == "__main__":
    sys.exit(main())

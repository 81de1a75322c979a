"""The console script omega-federation-worker."""

from __future__ import annotations

import sys

import omega_rpc  # noqa: F401 - before grpc is loaded: what TLS it speaks
from omega_federation_worker.app import build, lead_once, refresh_once, run_once
from omega_federation_worker.config import PREFIX, FederationConfig
from omega_federation_worker.fleet import run_part
from omega_rpc import memory
from omega_rpc.service import Service, run_service


def main() -> int:
    """Runs the worker; returns the exit code."""
    # Rounds run on whichever thread is asked: with an arena each, memory grows round by round.
    memory.bound_heap()
    return run_service(
        Service(
            name="omega-federation-worker",
            prefix=PREFIX,
            config=FederationConfig,
            listen="127.0.0.1:50073",
            build=build,
            commands={
                "--once": ("run one round and exit", run_once),
                "--refresh": ("run one round that learns from everything and exit", refresh_once),
                "--lead": ("lead one round that others answer for and exit", lead_once),
                "--part": ("answer for the shard of JOB_COMPLETION_INDEX and exit", run_part),
            },
        )
    )


if __name__ == "__main__":
    sys.exit(main())

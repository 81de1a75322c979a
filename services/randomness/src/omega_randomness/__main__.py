"""The console script omega-randomness."""

from __future__ import annotations

import sys

import omega_rpc  # noqa: F401 - before grpc is loaded: what TLS it speaks
from omega_randomness.app import build
from omega_randomness.config import PREFIX, RandomnessConfig
from omega_rpc.service import Service, run_service


def main() -> int:
    """Runs the randomness server; returns the exit code."""
    return run_service(
        Service(
            name="omega-randomness",
            prefix=PREFIX,
            config=RandomnessConfig,
            listen="127.0.0.1:50075",
            build=build,
        )
    )


if __name__ == "__main__":
    sys.exit(main())

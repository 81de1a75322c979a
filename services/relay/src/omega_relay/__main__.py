"""The console script omega-relay."""

from __future__ import annotations

import sys

import omega_rpc  # noqa: F401 - before grpc is loaded: what TLS it speaks
from omega_relay.app import build
from omega_relay.config import PREFIX, RelayConfig
from omega_rpc.service import Service, run_service


def main() -> int:
    """Runs the relay; returns the exit code."""
    return run_service(
        Service(
            name="omega-relay",
            prefix=PREFIX,
            config=RelayConfig,
            listen="127.0.0.1:50076",
            build=build,
        )
    )


if __name__ == "__main__":
    sys.exit(main())

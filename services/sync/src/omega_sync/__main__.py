"""The console script omega-sync."""

from __future__ import annotations

import resource
import sys

import omega_rpc  # noqa: F401 - before grpc is loaded: what TLS it speaks
from omega_rpc.service import Service, run_service
from omega_rpc.tokens import new_key_line
from omega_sync.app import build
from omega_sync.config import PREFIX, SyncConfig


def main() -> int:
    """Runs the gateway; returns the exit code."""
    # A stream is a descriptor; the soft limit is often 1,024 where the hard one is far higher.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return run_service(
        Service(
            name="omega-sync",
            prefix=PREFIX,
            config=SyncConfig,
            listen="127.0.0.1:50071",
            build=build,
            max_concurrent_rpcs=16_384,
            tools={"--new-token-key": ("print a fresh line for the token key file", _print_key)},
        )
    )


def _print_key() -> int:
    print(new_key_line())  # noqa: T201 - the flag's whole purpose
    return 0


if __name__ == "__main__":
    sys.exit(main())

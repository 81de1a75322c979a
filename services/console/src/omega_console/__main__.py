"""The console script omega-console."""

from __future__ import annotations

import json
import sys

import omega_rpc  # noqa: F401 - before grpc is loaded: what TLS it speaks
from omega_console.api.document import document
from omega_console.app import build
from omega_console.config import PREFIX, ConsoleConfig
from omega_console.probe import probe
from omega_rpc.service import Service, run_service


def main() -> int:
    """Runs the console; returns the exit code."""
    return run_service(
        Service(
            name="omega-console",
            prefix=PREFIX,
            config=ConsoleConfig,
            listen="127.0.0.1:50074",
            build=build,
            workers=16,
            health=probe,
            tools={"--openapi": ("print the OpenAPI document of the REST API", _print_document)},
        )
    )


def _print_document() -> int:
    print(json.dumps(document(), indent=1, ensure_ascii=False))  # noqa: T201 - the flag's purpose
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The `omega` command.

Sub-commands come from the entry points of group `omega.commands`, so an installation offers just
what its distributions bring.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import entry_points, version

from omega_client import ServiceError
from omega_core.errors import OmegaError
from omega_rpc.logs import configure_logging

GROUP = "omega.commands"
"""Entry points of functions that take the sub-parsers and add their command; the command's parser
sets `run`, a function of the parsed arguments that returns the exit code."""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit code: 0 done, 1 refused or failed, 130 interrupted."""
    parser = argparse.ArgumentParser("omega", description="Omega TV, from the command line.")
    parser.add_argument("--version", action="version", version=version("omega-cli"))
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        register: Callable[[object], None] = point.load()
        register(commands)
    arguments = parser.parse_args(argv)
    try:
        configure_logging()
        code: int = arguments.run(arguments)
    except (OmegaError, ServiceError, OSError) as error:
        print(f"omega: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("omega: interrupted", file=sys.stderr)
        return 130
    return code

"""The `omega` command.

Sub-commands come from the entry points of group `omega.commands`, so an installation offers just
what its distributions bring.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import entry_points, version

from omega_cli.exits import Exit, exit_of
from omega_cli.output import printable, without_color
from omega_client import ServiceError
from omega_core.errors import OmegaError
from omega_rpc.logs import configure_logging

GROUP = "omega.commands"
"""Entry points of functions that take the sub-parsers and add their command; the command's parser
sets `run`, a function of the parsed arguments that returns the exit code."""


def parser() -> argparse.ArgumentParser:
    """The parser of the whole command, with every sub-command that is installed."""
    made = argparse.ArgumentParser("omega", description="Omega TV, from the command line.")
    made.add_argument("--version", action="version", version=version("omega-cli"))
    commands = made.add_subparsers(metavar="COMMAND", required=True)
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        register: Callable[[object], None] = point.load()
        register(commands)
    # Wherever in the line it stands; SUPPRESS, or the default of one parser would undo another's.
    for each in _all(made):
        each.add_argument(
            "--no-color",
            action="store_true",
            default=argparse.SUPPRESS,
            help="print without colour, as NO_COLOR=1 does",
        )
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit code, one of omega_cli.exits.Exit.

    Raises:
        SystemExit: --help, --version, or a command line that is wrong.
    """
    arguments = parser().parse_args(argv)
    if "no_color" in arguments:
        without_color()
    try:
        configure_logging()
        code: int = arguments.run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        # What is still buffered would fail again when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.PIPE_CLOSED
    except (OmegaError, ServiceError, OSError) as error:
        print(f"omega: {_line(error)}", file=sys.stderr)
        return exit_of(error)
    except KeyboardInterrupt:
        print("omega: interrupted", file=sys.stderr)
        return Exit.INTERRUPTED
    return code


def _line(error: Exception) -> str:
    """An error in one line: what the catalogue says, with field and bound, and its code."""
    if isinstance(error, ServiceError):
        text = error.message or "the call failed"
        return printable(f"{text} [{error.reason or error.status}]".replace("\n", " "))
    return printable(str(error).replace("\n", " "))


def _all(made: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    yield made
    for action in made._actions:  # noqa: SLF001 - argparse has no public way down
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - argparse has no other name for it
            for below in action.choices.values():
                yield from _all(below)

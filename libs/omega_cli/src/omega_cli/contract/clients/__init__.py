"""Clients that make the suite's calls: this process's own, and programs in other languages."""

from __future__ import annotations

from omega_cli.contract.clients.orders import Client
from omega_cli.contract.clients.program import ProgramClient
from omega_cli.contract.clients.python import PythonClient
from omega_core.errors import invalid

OWN = "python"
"""Name of the client of this process."""


def named(given: str) -> tuple[str, str]:
    """Name and command of what --client is given: "python", or "node=node client.mjs".

    Raises:
        OmegaError: INVALID_FIELD `--client`.
    """
    name, _, command = given.partition("=")
    if not name or bool(command) == (name == OWN):
        raise invalid("--client", f"{OWN}, or NAME=COMMAND with another name")
    return name, command


def started(command: str) -> Client:
    """The client of a command; of an empty one, that of this process.

    Raises:
        OmegaError: INVALID_FIELD `--client`, when it cannot be started.
    """
    return ProgramClient(command) if command else PythonClient()

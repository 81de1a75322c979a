"""The main function that every service shares: settings, flags, signals, exit codes."""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from queue import SimpleQueue
from typing import TYPE_CHECKING, Generic, TypeVar

from omega_core.config import load, variable
from omega_core.errors import ErrorCode, OmegaError
from omega_rpc.config import ServerConfig
from omega_rpc.logs import configure_logging
from omega_rpc.server import Server
from omega_rpc.telemetry import configure_telemetry

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

C = TypeVar("C", bound="DataclassInstance")

EXIT_CONFIG = 78
"""A setting is missing or wrong (EX_CONFIG of sysexits.h)."""
EXIT_UNAVAILABLE = 69
"""Something the service needs to start is not there (EX_UNAVAILABLE)."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Application:
    """A service that is ready to serve."""

    server: Server
    """Built, not started."""
    close: Callable[[], None] = lambda: None
    """Called after the server has stopped."""
    started: Callable[[], None] = lambda: None
    """Called once the server listens; background work begins here."""


@dataclass(frozen=True)
class Service(Generic[C]):
    """What makes one service differ from another."""

    name: str
    """Name of its console script and distribution, "omega-brain"."""
    prefix: str
    """Prefix of its environment variables, "OMEGA_BRAIN_"."""
    config: type[C]
    """Its own settings."""
    listen: str
    """Default of the LISTEN variable."""
    build: Callable[[C, ServerConfig], Application]
    """Makes the application."""
    commands: Mapping[str, tuple[str, Callable[[C], int]]] = field(default_factory=dict)
    """Flags that do one thing and exit: "--once" -> (help, function -> exit code)."""
    tools: Mapping[str, tuple[str, Callable[[], int]]] = field(default_factory=dict)
    """The same for flags that need no settings."""


def run_service(service: Service[C], argv: Sequence[str] | None = None) -> int:
    """Runs a service until SIGTERM or SIGINT; returns the exit code.

    Prints one JSON line {"listening": ADDRESS} on standard output once it listens.
    """
    arguments = _parse(service, argv)
    try:
        configure_logging()
        for flag, (_, tool) in service.tools.items():
            if _given(arguments, flag):
                return tool()
        config = load(service.config, service.prefix, os.environ)
        environ = {variable(service.prefix, "listen"): service.listen, **os.environ}
        server_config = load(ServerConfig, service.prefix, environ)
        if arguments.check_config:
            return 0
        for flag, (_, command) in service.commands.items():
            if _given(arguments, flag):
                return command(config)
        with configure_telemetry(service.name):
            return _serve(service.build(config, server_config))
    except OmegaError as error:
        print(f"{service.name}: {error}", file=sys.stderr)  # noqa: T201 - the operator's terminal
        return EXIT_CONFIG if error.code == ErrorCode.INVALID_FIELD else EXIT_UNAVAILABLE


def _serve(application: Application) -> int:
    # An event's set() would wait for itself when the signal meets its wait().
    signals: SimpleQueue[int] = SimpleQueue()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: signals.put(number))
    try:
        address = application.server.start()
        application.started()
        print(json.dumps({"listening": address}), flush=True)  # noqa: T201 - read by supervisors
        _log.info("stopping at %s", signal.Signals(signals.get()).name)
        application.server.stop()
    finally:
        application.close()
    return 0


def _parse(service: Service[C], argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        service.name, description=f"Settings are environment variables {service.prefix}*."
    )
    parser.add_argument("--version", action="version", version=version(service.name))
    parser.add_argument("--check-config", action="store_true", help="check the settings and exit")
    for flag, (text, _) in (*service.commands.items(), *service.tools.items()):
        parser.add_argument(flag, action="store_true", help=text)
    return parser.parse_args(argv)


def _given(arguments: argparse.Namespace, flag: str) -> bool:
    return bool(getattr(arguments, flag.lstrip("-").replace("-", "_")))

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
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from omega_core.config import load, variable
from omega_core.errors import ErrorCode, OmegaError
from omega_rpc import process_metrics  # noqa: F401 - says what the process takes
from omega_rpc.config import ServerConfig
from omega_rpc.logs import configure_logging
from omega_rpc.probe import probe_own
from omega_rpc.telemetry import TelemetryConfig, telemetry_of

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

C = TypeVar("C", bound="DataclassInstance")

EXIT_CONFIG = 78
"""A setting is missing or wrong (EX_CONFIG of sysexits.h)."""
EXIT_UNAVAILABLE = 69
"""Something the service needs to start is not there (EX_UNAVAILABLE)."""

_STOPS = (signal.SIGTERM, signal.SIGINT)
_log = logging.getLogger(__name__)


class Server(Protocol):
    """What a service listens with, on threads or on an event loop."""

    addresses: dict[str, str]
    """Further addresses that it listens on once it is started, by name."""

    def start(self) -> str:
        """Binds and serves; returns the address."""
        ...

    def stop(self) -> None:
        """Ends gracefully. May be called twice."""
        ...


@dataclass(frozen=True)
class Application:
    """A service that is ready to serve."""

    server: Server
    """Built, not started."""
    close: Callable[[], None] = lambda: None
    """Called after the server has stopped."""
    stopping: Callable[[], None] = lambda: None
    """Called before the server stops; streams without an end are told to end here."""
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
    at_home: bool = False
    """Whether it runs in a household: its telemetry then tells no process from another."""
    workers: int = 8
    """Default of the WORKERS variable."""
    max_concurrent_rpcs: int = 256
    """Default of the MAX_CONCURRENT_RPCS variable."""
    commands: Mapping[str, tuple[str, Callable[[C], int]]] = field(default_factory=dict)
    """Flags that do one thing and exit: "--once" -> (help, function -> exit code)."""
    tools: Mapping[str, tuple[str, Callable[[], int]]] = field(default_factory=dict)
    """The same for flags that need no settings."""
    health: Callable[[ServerConfig], str] = probe_own
    """Why the server with these settings does not serve; empty = it does."""


def run_service(service: Service[C], argv: Sequence[str] | None = None) -> int:
    """Runs a service until SIGTERM or SIGINT; returns the exit code.

    Prints one JSON line {"listening": ADDRESS} on standard output once it listens; further
    addresses follow by the names of their settings.
    """
    arguments = _parse(service, argv)
    try:
        configure_logging()
        tool = _tool(service, arguments)
        if tool is not None:
            return tool()
        config = load(service.config, service.prefix, os.environ)
        telemetry = TelemetryConfig.read(os.environ, at_home=service.at_home)
        # What listens nowhere is not asked how: a Job has no certificate, and its image has LISTEN.
        deed = _deed(service, arguments, config)
        if deed is not None:
            with telemetry_of(service.name, telemetry, nameless=service.at_home):
                return deed()
        server_config = _server_config(service)
        look = _look(service, arguments, server_config)
        if look is not None:
            return look()
        # Blocked before any thread starts, so that every thread leaves them to sigwait: a handler
        # could run just before the wait begins, and the service would never stop.
        signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)
        with telemetry_of(service.name, telemetry, nameless=service.at_home) as scraped:
            return _serve(service.build(config, server_config), scraped)
    except OmegaError as error:
        print(f"{service.name}: {error}", file=sys.stderr)  # noqa: T201 - the operator's terminal
        return EXIT_CONFIG if error.code == ErrorCode.INVALID_FIELD else EXIT_UNAVAILABLE


def _serve(application: Application, scraped: Mapping[str, str]) -> int:
    try:
        address = application.server.start()
        application.started()
        listening = {"listening": address, **application.server.addresses, **scraped}
        print(json.dumps(listening), flush=True)  # noqa: T201 - read by supervisors
        _log.info("stopping at %s", signal.Signals(signal.sigwait(_STOPS)).name)
        application.stopping()
        application.server.stop()
    finally:
        application.close()
    return 0


def _tool(service: Service[C], arguments: argparse.Namespace) -> Callable[[], int] | None:
    """What a flag asks for that needs no settings; None = nothing."""
    for flag, (_, tool) in service.tools.items():
        if _given(arguments, flag):
            return tool
    return None


def _look(
    service: Service[C], arguments: argparse.Namespace, server_config: ServerConfig
) -> Callable[[], int] | None:
    """What a flag asks to be looked at in place of serving; None = nothing."""
    if arguments.check_config:
        return lambda: 0
    if arguments.health:
        return partial(_health, service, server_config)
    return None


def _deed(
    service: Service[C], arguments: argparse.Namespace, config: C
) -> Callable[[], int] | None:
    """What a flag asks to be done in place of serving; None = nothing."""
    for flag, (_, command) in service.commands.items():
        if _given(arguments, flag):
            return partial(command, config)
    return None


def _server_config(service: Service[C]) -> ServerConfig:
    defaults = {
        "listen": service.listen,
        "workers": str(service.workers),
        "max_concurrent_rpcs": str(service.max_concurrent_rpcs),
    }
    given = {variable(service.prefix, name): value for name, value in defaults.items()}
    return load(ServerConfig, service.prefix, {**given, **os.environ})


def _health(service: Service[C], config: ServerConfig) -> int:
    complaint = service.health(config)
    if complaint:
        text = complaint.replace("\n", " ")
        print(f"{service.name}: it does not serve: {text}", file=sys.stderr)  # noqa: T201 - the same
    return int(bool(complaint))


def _parse(service: Service[C], argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        service.name, description=f"Settings are environment variables {service.prefix}*."
    )
    one = parser.add_mutually_exclusive_group()
    one.add_argument("--version", action="version", version=version(service.name))
    one.add_argument("--check-config", action="store_true", help="check the settings and exit")
    one.add_argument(
        "--health", action="store_true", help="ask the running service whether it serves; 0 or 1"
    )
    for flag, (text, _) in (*service.commands.items(), *service.tools.items()):
        one.add_argument(flag, action="store_true", help=text)
    return parser.parse_args(argv)


def _given(arguments: argparse.Namespace, flag: str) -> bool:
    return bool(getattr(arguments, flag.lstrip("-").replace("-", "_")))

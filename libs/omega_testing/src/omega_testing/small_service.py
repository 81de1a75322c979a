"""A small service in a file, for tests of what every service's process does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import sys
from dataclasses import dataclass
from omega_core import validate
from omega_core.errors import ErrorCode, OmegaError
from omega_rpc.server import Server
from omega_rpc.service import Application, Service, run_service
from omega_testing import probe

@dataclass(frozen=True)
class Config:
    greeting: str = "hello"

    def __post_init__(self):
        validate.text("greeting", self.greeting, 8)

def build(config, server_config):
    if config.greeting == "absent":
        raise OmegaError(ErrorCode.STORAGE_UNAVAILABLE)
    server = Server(server_config, [probe.probe(lambda _: config.greeting.encode())])
    return Application(
        server,
        close=lambda: print("closed", file=sys.stderr),
        started=lambda: print("started", file=sys.stderr),
    )

def greet(config):
    print(config.greeting)
    return 3

def tool():
    print("a tool")
    return 0

sys.exit(run_service(Service(
    name="omega-rpc", prefix="OMEGA_TEST_", config=Config, listen="127.0.0.1:0", build=build,
    commands={"--greet": ("greets", greet)}, tools={"--a-tool": ("a tool", tool)},
)))
"""
"""Its source: settings OMEGA_TEST_*, a command `--greet` and a tool `--a-tool`."""


def written(folder: Path) -> Path:
    """The service's file, in a folder that is there."""
    path = folder / "program.py"
    path.write_text(PROGRAM)
    return path


def environment(settings: dict[str, str]) -> dict[str, str]:
    """These variables, and what of this process' own says nothing to a service."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("OMEGA_", "OTEL_"))}
    return {**inherited, **settings}


def run(program: Path, *flags: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Runs it to its end."""
    return subprocess.run(
        [sys.executable, program, *flags],
        env=environment(settings),
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )

"""`omega completion`: what a shell needs to complete commands, flags and their values."""

from __future__ import annotations

import argparse

import shtab

from omega_cli import main
from omega_cli.exits import Exit

SHELLS = ("bash", "zsh", "tcsh")
"""Shells that can be told."""


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = commands.add_parser("completion", help="print what a shell completes commands with")
    parser.add_argument("shell", choices=SHELLS, help="whose form it has")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    print(shtab.complete(main.parser(), shell=arguments.shell))
    return Exit.DONE

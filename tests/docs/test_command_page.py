"""docs/configuration.md names every command, flag and exit code, and no other."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points

import pytest

from omega_cli import main as omega
from omega_cli import reach
from omega_cli.exits import Exit
from omega_rpc.service import EXIT_CONFIG, EXIT_UNAVAILABLE
from omega_testing.documents import Row

Table = Callable[..., list[Row]]
PAGE = "configuration.md"
SERVICES = (
    "omega-brain",
    "omega-console",
    "omega-constellation",
    "omega-federation-worker",
    "omega-randomness",
    "omega-relay",
    "omega-sync",
)


def _said(table: Table, commands: Callable[[str], bool]) -> set[tuple[str, str]]:
    found = {(row.code("command")[0], row.code("flag")[0]) for row in table(PAGE, "flag")}
    return {(command, flag) for command, flag in found if commands(command)}


@pytest.mark.parametrize("service", SERVICES)
def test_every_flag_of_a_service_is_there(
    service: str,
    table: Table,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (script,) = entry_points(group="console_scripts", name=service)
    monkeypatch.setattr(sys, "argv", [service, "--help"])
    with pytest.raises(SystemExit):
        script.load()()
    flags = set(re.findall(r"^  (?:-\w, )?(--[\w-]+)", capsys.readouterr().out, re.MULTILINE))
    assert _said(table, lambda command: command == service) == {
        (service, flag) for flag in flags - {"--help"}
    }


def test_every_flag_of_the_omega_command_is_there(table: Table) -> None:
    said = _said(table, lambda command: command not in SERVICES)
    assert said == {(command, flag) for command, flag, _ in _arguments(omega.parser())}


def test_defaults_of_flags_are_there(table: Table) -> None:
    rows = {(row.code("command")[0], row.code("flag")[0]): row for row in table(PAGE, "flag")}
    defaults = [
        (command, flag, str(default))
        for command, flag, default in _arguments(omega.parser())
        if default not in {None, False, "", argparse.SUPPRESS}
    ]
    assert defaults
    assert [
        each for each in defaults if each[2] not in rows[each[0], each[1]].code("meaning")
    ] == []


def _arguments(parser: argparse.ArgumentParser) -> Iterator[tuple[str, str, object]]:
    """(command, flag or positional, default) of a parser and of those below it.

    What many commands have in common stands once, under `omega`.
    """
    common = {
        id(action)
        for group in parser._action_groups
        if group.title == reach.GROUP
        for action in group._group_actions
    }
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from _arguments(below)
        elif not isinstance(action, argparse._HelpAction):
            flag = action.option_strings[-1] if action.option_strings else action.dest
            once = id(action) in common or flag == "--no-color"
            yield "omega" if once else parser.prog, flag, action.default


def test_the_exit_codes_are_those_of_the_code(table: Table) -> None:
    codes = [int(row.cells["code"]) for row in table("exit-codes.md", "who")]
    assert codes == sorted({*Exit, EXIT_UNAVAILABLE, EXIT_CONFIG})

"""A runbook has its five parts, and its commands are commands of this project."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from omega_cli import main as omega

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "docs" / "runbooks").glob("*.md"))
ALERTS = [page for page in PAGES if page.name != "README.md"]
PARTS = ["Meaning", "Impact", "How to look", "How to mend", "When to wake somebody"]
SERVICES = {"sync", "constellation", "federation-worker", "console"}
"""Deployments of deploy/k8s."""
each_alert = pytest.mark.parametrize("page", ALERTS, ids=lambda page: page.stem)
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
_STAND_INS = {"ROUND": "1", "DEVICE": f"tv-{32 * '0'}", "N": "1"}
"""Words of a page in place of values."""


@each_alert
def test_a_runbook_has_its_five_parts_in_order(page: Path) -> None:
    text = page.read_text("utf-8")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == PARTS
    assert all(len(part) > 8 for part in re.split(r"^## .+$", text, flags=re.MULTILINE)[1:])
    title = re.match(r"# (\w+)\n", text)
    assert title
    assert re.sub(r"(?<=[a-z])(?=[A-Z])", "-", title[1]).lower() == page.stem


@each_alert
def test_a_runbook_shows_commands(page: Path) -> None:
    assert len([*_commands(page)]) >= 3


@each_page
def test_commands_of_omega_are_taken_by_it(page: Path) -> None:
    parser = omega.parser()
    for command in _commands(page):
        words = shlex.split(command, comments=True)
        if words and words[0] == "omega":
            parser.parse_args([_STAND_INS.get(word, word) for word in words[1:]])


@each_page
def test_deployments_that_are_named_exist(page: Path) -> None:
    named = re.findall(r"deployment[/ ]([a-z-]+)|io/name=([a-z-]+)", page.read_text("utf-8"))
    assert {first or second for first, second in named} <= SERVICES


def _commands(page: Path) -> Iterator[str]:
    """Lines of its code blocks, and commands in its text."""
    text = page.read_text("utf-8")
    for block in re.findall(r"^```\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        yield from block.splitlines()
    bare = re.sub(r"^```\n.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    for span in re.findall(r"`([^`]+)`", bare):
        words = span.split()
        # Subcommands with what they need; "omega shards" alone names a group.
        if (words[0] == "omega" and len(words) > 2) or words[0] == "kubectl":
            yield " ".join(words)

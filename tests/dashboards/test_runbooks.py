"""A runbook has its five parts, and its commands are commands of this project."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from k8s_rules.combinations import K8S, RENDERED
from k8s_rules.objects import Render

from omega_cli import main as omega

ROOT = Path(__file__).resolve().parents[2]
RUNBOOKS = ROOT / "docs" / "runbooks"
MTLS = K8S / "components" / "mtls"
FLEET = Render.read(RENDERED / "fleet.yaml")
"""The manifests with every part that a runbook may name."""
PAGES = sorted(RUNBOOKS.glob("*.md"))
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
    text = _read(page)
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
    named = re.findall(r"deployment[/ ]([a-z-]+)|io/name=([a-z-]+)", _read(page))
    assert {first or second for first, second in named} <= SERVICES


@each_page
def test_what_a_page_changes_is_there_and_stays_changed(page: Path) -> None:
    """Who scales what an autoscaler governs has it undone at once."""
    text = _read(page)
    governed = {path.parent.name for path in (K8S / "base").glob("*/autoscaler.yaml")}
    assert governed == {"sync", "constellation"}
    assert not set(re.findall(r"scale deployment/([a-z-]+)", text)) & governed
    assert set(re.findall(r"patch hpa ([a-z-]+)", text)) <= governed
    jobs = {each["metadata"]["name"] for each in FLEET.of("CronJob")}
    assert set(re.findall(r"patch cronjob ([a-z-]+)", text)) <= jobs
    maps = {each["metadata"]["name"].rpartition("-")[0] for each in FLEET.of("ConfigMap")}
    assert set(re.findall(r"ConfigMap `([a-z-]+)`", text)) <= maps


def test_a_constellation_is_called_by_a_name_of_its_certificate() -> None:
    """And with the files of the Secret that cert-manager keeps for operators."""
    said = dict(re.findall(r"(OMEGA_CLI_\w+)=(\S+)", _read(RUNBOOKS / "README.md")))
    forwarded = re.findall(r"deployment/constellation (\d+):50051", _read(RUNBOOKS / "README.md"))
    host, _, port = said.pop("OMEGA_CLI_TARGET").partition(":")
    assert [port] == forwarded
    (certificate,) = yaml.safe_load_all(_read(MTLS / "constellation" / "constellation.yaml"))
    assert host in certificate["spec"]["dnsNames"]
    assert "secret operator-client-tls" in _read(RUNBOOKS / "README.md")
    assert set(said.values()) == {"ca.crt", "tls.crt", "tls.key"}


@each_page
def test_no_page_calls_an_address_that_no_certificate_names(page: Path) -> None:
    assert "127.0.0.1:5" not in _read(page)


def _read(path: Path) -> str:
    return path.read_text("utf-8")


def _commands(page: Path) -> Iterator[str]:
    """Lines of its code blocks, and commands in its text."""
    text = _read(page)
    for block in re.findall(r"^```\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        yield from block.splitlines()
    bare = re.sub(r"^```\n.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    for span in re.findall(r"`([^`]+)`", bare):
        words = span.split()
        # Subcommands with what they need; "omega shards" alone names a group.
        if (words[0] == "omega" and len(words) > 2) or words[0] == "kubectl":
            yield " ".join(words)

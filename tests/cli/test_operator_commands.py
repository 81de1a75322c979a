"""Devices, rounds, trends, the log and the export, as an operator types them."""

from __future__ import annotations

import csv
import getpass
import json
import re
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from omega_cli.exits import Exit
from omega_cli.main import main
from omega_core.clock import SystemClock
from omega_store import Store, contents, devices, pushes, releases, rounds
from omega_store.releases import ReleasePlan
from omega_store.resources import ResourceKind
from omega_store.rounds import RoundFigures
from omega_store.trends import TrendList
from omega_testing.fleet import MODEL, patterns, push, registered, titles
from omega_testing.processes import ServiceProcess
from omega_testing.published import publish
from omega_titles import read_titles_file

UNKNOWN = f"tv-{'0' * 32}"
NOW = SystemClock().now()
Omega = Callable[..., tuple[int, str]]


@pytest.fixture
def omega(
    target: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Omega:
    """omega(*words) -> exit code and what was printed, errors after it."""
    monkeypatch.setenv("OMEGA_CLI_TARGET", target)

    def run(*words: str) -> tuple[int, str]:
        code = main(words)
        said = capsys.readouterr()
        return code, said.out + said.err

    return run


@pytest.fixture
def machine(omega: Omega) -> Callable[..., Any]:
    """machine(*words) -> the object that --json prints."""

    def run(*words: str) -> Any:
        code, said = omega(*words, "--json")
        assert code == Exit.DONE, said
        return json.loads(said)

    return run


def test_devices_are_listed_shown_shut_out_and_erased(
    omega: Omega, machine: Callable[..., Any], store: Store
) -> None:
    assert machine("devices", "list") == {"devices": [], "more": False}
    french = sorted(registered(store, 3, NOW, region="FR"))
    registered(store, 2, NOW, region="DE")
    first, second = french[:2]
    with store.transaction() as conn:
        pushes.store(conn, [push(first, 3)], NOW)
        devices.touch(conn, first, NOW)
    listed = machine("devices", "list", "--region", "FR", "--limit", "2")
    assert ([d["device_id"] for d in listed["devices"]], listed["more"]) == ([first, second], True)
    assert len(machine("devices", "list", "--limit", "0")["devices"]) == 5
    assert len(machine("devices", "list", "--limit", "5", "--shard", "local")["devices"]) == 5
    active = machine("devices", "list", "--only", "active")["devices"]
    assert [(d["device_id"], d["sketches"]) for d in active] == [(first, 3)]
    code, table = omega("devices", "list", "--limit", "1")
    assert code == Exit.DONE
    assert "the first 1; --limit 0 lists all" in table
    assert omega("devices", "revoke", first)[0] == Exit.DONE
    code, shown = omega("devices", "show", first)
    assert code == Exit.DONE
    fields = {line[:10].strip(): line for line in shown.splitlines()}
    assert fields["device"].split() == ["device", first]
    assert re.search(r"shut out\s+20\d\d-", shown)
    assert machine("devices", "show", first)["revoked_at"]
    code, said = omega("devices", "erase", first)
    assert (code, said) == (
        Exit.FAILED,
        "omega: --yes must be given where nobody can be asked\n",
    )
    assert machine("devices", "erase", first, "--yes") == {"device_id": first, "pushes": 1}
    assert omega("devices", "show", first)[0] == Exit.NOT_FOUND
    assert omega("devices", "list", "--shard", "other")[0] == Exit.NOT_FOUND
    assert omega("devices", "list", "--limit", "-1") == (
        Exit.FAILED,
        "omega: --limit must be 0 or more\n",
    )


def test_what_operators_did_is_logged_under_their_name(
    omega: Omega, machine: Callable[..., Any], store: Store
) -> None:
    for device_id in registered(store, 3, NOW):
        omega("revoke", device_id)
    found = machine("audit", "--limit", "2")
    assert found["more"]
    assert [(e["action"], e["actor"]) for e in found["entries"]] == [
        ("RevokeDevice", getpass.getuser())
    ] * 2
    assert len(machine("audit")["entries"]) == 3
    assert "RevokeDevice" in omega("audit")[1]


def test_rounds_are_asked_for_listed_and_shown(
    omega: Omega, machine: Callable[..., Any], store: Store
) -> None:
    request_id = str(uuid.uuid4())
    asked = machine("rounds", "trigger", "--request-id", request_id, "--refresh")
    assert (asked["round_id"], asked["status"]) == (1, "requested")
    assert machine("rounds", "trigger", "--request-id", request_id) == asked
    with store.transaction() as conn:
        rounds.begin(conn, request_id, NOW)
        rounds.succeed(conn, 1, RoundFigures(devices=7, pairs=9, reports=60, pair_weight=0.5), NOW)
    newest = machine("rounds", "trigger")["round_id"]
    listed = machine("rounds", "list", "--limit", "1")
    assert ([r["round_id"] for r in listed["rounds"]], listed["more"]) == ([newest], True)
    assert [r["round_id"] for r in machine("rounds", "list")["rounds"]] == [newest, 1]
    assert "the newest 1; --limit 0 lists all" in omega("rounds", "list", "--limit", "1")[1]
    code, shown = omega("rounds", "show", "1")
    assert code == Exit.DONE
    assert re.search(r"status\s+succeeded\n", shown)
    assert re.search(r"took\s+0\.0 s\n", shown)
    assert re.search(r"open titles and pairs\s+9\nreports behind them\s+60\n", shown)
    assert re.search(r"weight of a report\s+0\.5\n", shown)
    for missing in (str(newest + 1), "0"):
        assert omega("rounds", "show", missing) == (
            Exit.NOT_FOUND,
            "omega: ROUND must name a recorded round\n",
        )
    assert omega("rounds", "trigger", "--request-id", "x")[0] == Exit.FAILED


def test_a_round_is_watched_to_its_end(omega: Omega, database_url: str) -> None:
    worker = {
        "OMEGA_FEDERATION_DATABASE_URL": database_url,
        "OMEGA_FEDERATION_PERIOD_SECONDS": "0",
        "OMEGA_FEDERATION_LISTEN": "127.0.0.1:0",
    }
    with ServiceProcess(["omega-federation-worker"], worker):
        code, said = omega("rounds", "trigger", "--watch", "--json")
    record = json.loads(said.splitlines()[0])
    # Nobody pushed anything, so there is nothing to learn from.
    assert (code, record["status"]) == (Exit.FAILED, "failed")
    assert record["error_code"] == "ROUND_NOT_POSSIBLE"


@pytest.fixture
def rising(store: Store) -> None:
    """Four titles, of which two rise everywhere and one in France."""
    with store.transaction() as conn:
        contents.upsert(conn, titles(4), model_version=MODEL, catalogue_version=0, now=NOW)
    trends = TrendList(1, NOW, {"": {0: 0.25, 2: 0.5}, "FR": {1: 1.0}})
    publish(store, patterns(1), trends=trends)


@pytest.mark.usefixtures("rising")
def test_trends_are_shown_everywhere_and_by_region(
    omega: Omega, machine: Callable[..., Any]
) -> None:
    found = machine("trends")
    assert [t["content_id"] for t in found["trends"]] == ["t2", "t0"]
    assert found["regions"] == ["FR"]
    assert [t["title"] for t in machine("trends", "--region", "FR")["trends"]] == ["Title 1"]
    table = omega("trends")[1]
    assert table.index("Title 2") < table.index("Title 0")
    assert "regions with their own: FR" in table


@pytest.mark.usefixtures("rising")
def test_an_export_is_whole_and_holds_no_sketch(
    omega: Omega, machine: Callable[..., Any], store: Store, tmp_path: Path
) -> None:
    for device_id in registered(store, 2, NOW):
        with store.transaction() as conn:
            pushes.store(conn, [push(device_id, 3)], NOW)
        omega("revoke", device_id)
    folder = tmp_path / "out"
    written = machine("export", str(folder))["written"]
    assert written == {
        "contents": 4,
        "rounds": 1,
        "trends": 3,
        "releases": 0,
        "shards": 1,
        "stats": 1,
        "directory": 1,
        "audit": 2,
    }
    (directory,) = map(json.loads, (folder / "directory.jsonl").read_text().splitlines())
    assert [each["shard"] for each in directory["shards"]] == ["local"]
    assert {path.name for path in folder.iterdir()} == {f"{part}.jsonl" for part in written}
    exported = read_titles_file(folder / "contents.jsonl")
    assert [each.content_id for each in exported.contents] == ["t0", "t1", "t2", "t3"]
    trends = [json.loads(line) for line in (folder / "trends.jsonl").read_text().splitlines()]
    assert [(t["region"], t["content_id"]) for t in trends] == [
        ("", "t2"),
        ("", "t0"),
        ("FR", "t1"),
    ]
    assert machine("export", str(folder), "--format", "csv")["written"] == written
    assert read_titles_file(folder / "contents.csv") == exported
    with (folder / "stats.csv").open(newline="") as file:
        (stats,) = csv.DictReader(file)
    assert stats["contents"] == "4"
    assert json.loads(stats["sketches_by_rate"]) == [0] * 8
    code, said = omega("export", str(folder), "--only", "rounds,sketches")
    assert code == Exit.FAILED
    assert said.startswith("omega: --only must be of contents, rounds, trends, ")
    assert said.endswith("; not 'sketches'\n")


@pytest.fixture
def staged(store: Store) -> None:
    """Codebook 2 is released by stages after codebook 1."""
    registered(store, 3, NOW)
    with store.transaction() as conn:
        releases.set_plan(
            conn, ReleasePlan(first_permille=10, second_permille=100, least_devices=3)
        )
        for version in (1, 2):
            body = b"body:%d" % version
            releases.publish(
                conn, ResourceKind.CODEBOOK, version, model_version=MODEL, body=body, now=NOW
            )


@pytest.mark.usefixtures("staged")
@pytest.mark.parametrize(
    ("deed", "stage", "share"), [("complete", "complete", 1_000), ("roll-back", "rolled_back", 0)]
)
def test_a_release_is_listed_and_ended(
    omega: Omega, machine: Callable[..., Any], deed: str, stage: str, share: int
) -> None:
    (listed,) = machine("releases", "list")["releases"]
    assert (listed["stage"], listed["permille"]) == ("first", 10)
    number = str(listed["release_id"])
    assert re.search(r"codebook 2 +first .* 1 %", omega("releases", "list")[1])
    assert omega("releases", deed, number)[0] == Exit.FAILED
    ended = machine("releases", deed, number, "--yes")
    assert (ended["stage"], ended["permille"]) == (stage, share)
    # The other end of it is refused, and this one again changes nothing.
    other = "roll-back" if deed == "complete" else "complete"
    assert omega("releases", other, number, "--yes")[0] == Exit.FAILED
    assert omega("releases", deed, "77", "--yes")[0] == Exit.NOT_FOUND

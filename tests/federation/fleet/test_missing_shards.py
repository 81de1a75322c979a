"""A shard that is down is out of one round and in the next; with too few shards there is none."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.federation.fleet.conftest import (
    FleetOfThree,
    ask,
    await_round,
    newest,
    program,
    run,
)

from omega_core.errors import ErrorCode, OmegaError
from omega_federation_worker import shards as shard_files
from omega_federation_worker.config import FederationConfig
from omega_store import devices, resources, states
from omega_store.resources import ResourceKind
from omega_store.rounds import Round, RoundStatus, ShardOutcome
from omega_testing.gates import await_somebody, closed
from omega_testing.processes import ServiceProcess

TWICE = """{"home": "a", "shards": [
    {"name": "a", "database_url": "host=x"}, {"name": "b", "database_url": "host=x"}]}"""
INCLUDED, LATE, FAILED = ShardOutcome.INCLUDED, ShardOutcome.LATE, ShardOutcome.FAILED


def without(three: FleetOfThree, *down: str) -> FleetOfThree:
    """The fleet as seen where some shards cannot be reached."""
    stated = json.loads(three.file.read_text("utf-8"))
    for each in stated["shards"]:
        if each["name"] in down:
            each["database_url"] = f"postgresql:///{each['name']}?host=/nowhere"
    file = three.file.with_name("down.json")
    file.write_text(json.dumps(stated), "utf-8")
    return replace(three, file=file)


def outcomes(found: Round) -> dict[str, ShardOutcome]:
    return {share.shard: share.outcome for share in found.shards}


def test_a_shard_that_is_down_is_late_and_comes_with_the_next_round(three: FleetOfThree) -> None:
    found = run(three.home, without(three, "c").environ(PART_SECONDS="4"))
    assert found.status == RoundStatus.SUCCEEDED
    assert outcomes(found) == {"a": INCLUDED, "b": INCLUDED, "c": LATE}
    assert found.figures.devices == 24
    after = run(three.home, three.environ())
    assert outcomes(after) == {"a": INCLUDED, "b": INCLUDED, "c": INCLUDED}
    assert (after.figures.refreshed, after.figures.devices) == (False, 36)
    # It has no rows of that refresh: all that it has is decoded with it, and kept from then on.
    assert after.figures.decoded == 12 * 12
    assert run(three.home, three.environ()).figures.decoded == 0


def test_a_shard_whose_sums_cannot_be_made_fails_at_once(three: FleetOfThree) -> None:
    with three.shards["b"].transaction() as conn:
        conn.execute("ALTER TABLE kept_rows RENAME TO lost_rows")
    found = run(three.home, three.environ())
    assert found.status == RoundStatus.SUCCEEDED
    assert outcomes(found) == {"a": INCLUDED, "b": FAILED, "c": INCLUDED}


def test_too_few_shards_are_no_round_and_withdraw_nothing(three: FleetOfThree) -> None:
    assert run(three.home, three.environ()).status == RoundStatus.SUCCEEDED
    down = without(three, "b", "c").environ(PART_SECONDS="2", MIN_SHARD_SHARE="0.6")
    found = run(three.home, down, refresh=True)
    assert (found.status, found.error_code) == (RoundStatus.FAILED, "ROUND_NOT_POSSIBLE")
    assert outcomes(found) == {"b": LATE, "c": LATE}
    with three.home.snapshot() as conn:
        assert states.current(conn).version == 1
        assert resources.newest_version(conn, ResourceKind.FACTORS) == 1


def test_too_few_devices_over_all_shards_are_no_round(three: FleetOfThree) -> None:
    found = run(three.home, three.environ(MIN_DEVICES="37"))
    assert (found.status, found.error_code) == (RoundStatus.FAILED, "ROUND_NOT_POSSIBLE")
    assert outcomes(found) == {}
    done = run(three.home, three.environ(MIN_DEVICES="3"))
    assert done.status == RoundStatus.SUCCEEDED


@pytest.mark.parametrize("refresh", [False, True])
def test_too_few_devices_that_are_left_anywhere_withdraw_everything(
    three: FleetOfThree, refresh: bool
) -> None:
    assert run(three.home, three.environ()).status == RoundStatus.SUCCEEDED
    left = 2
    for store in three.shards.values():
        with store.transaction() as conn:
            rows = conn.execute("SELECT device_id FROM devices ORDER BY device_id").fetchall()
            for (device_id,) in rows[left:]:
                devices.erase(conn, device_id)
        left = 0
    found = run(three.home, three.environ(COPY_SECONDS="0.2"), refresh=refresh)
    assert (found.status, found.figures.devices) == (RoundStatus.SUCCEEDED, 2)
    assert outcomes(found) == {"a": INCLUDED, "b": INCLUDED, "c": INCLUDED}
    with three.home.snapshot() as conn:
        assert resources.newest_version(conn, ResourceKind.FACTORS) == 0
        assert states.patterns(conn) == []


def test_what_comes_after_the_cut_off_is_in_the_next_round(three: FleetOfThree) -> None:
    """Pushes and a device that came from elsewhere, while the round waits to be read."""
    with closed(three.home, "round_plans", "NEW.phase = 'census'"):
        process = ServiceProcess(["omega-federation-worker"], three.environ())
        with process:
            ask(three.home)
            await_somebody(three.home, "omega-federation-worker")
            at = datetime.now(UTC)
            [late, *_] = three.add(3, region="north", at=at)
            three.push(late, [3], seed=5, at=at)
            # As a device that moves brings them: received long before, elsewhere.
            three.add(3, region="north", at=at - timedelta(days=3))
            process.kill()
    first = run_on(three)
    assert (first.status, first.figures.devices) == (RoundStatus.SUCCEEDED, 36)
    second = run(three.home, three.environ())
    assert (second.figures.devices, second.figures.decoded) == (42, 6 * 12 + 1)


def run_on(three: FleetOfThree) -> Round:
    with ServiceProcess(["omega-federation-worker"], three.environ()):
        return await_round(three.home)


def test_once_runs_a_round_over_all_shards_and_ends(three: FleetOfThree) -> None:
    with program("--once", three.environ()) as once:
        assert once.wait(50) == 0
    assert newest(three.home).status == RoundStatus.SUCCEEDED
    with program("--refresh", three.environ()) as again:
        assert again.wait(50) == 0
    assert newest(three.home).figures.refreshed
    down = without(three, "b", "c").environ(PART_SECONDS="1", MIN_SHARD_SHARE="1")
    with program("--once", down) as failed:
        assert failed.wait(50) == 69
        assert failed.stderr is not None
        assert "3 of 3 shards" in failed.stderr.read()


def test_a_part_without_an_index_or_a_round_says_so(three: FleetOfThree) -> None:
    for index, code in (("", 78), ("3", 78), ("x", 78)):
        with program("--part", {**three.environ(), "JOB_COMPLETION_INDEX": index}) as part:
            assert part.wait(50) == code
    environ = {**three.environ(ROUND_SECONDS="1"), "JOB_COMPLETION_INDEX": "0"}
    with program("--part", environ) as part:
        assert part.wait(50) == 69


@pytest.mark.parametrize(
    ("stated", "reason"),
    [
        ("nonsense", "can be read"),
        ("{}", "shards given as a list"),
        ('{"shards": []}', "shards"),
        ('{"shards": [1]}', "entries"),
        ('{"shards": [{"name": "A", "database_url": "x=1"}]}', "name"),
        ('{"shards": [{"name": "a", "database_url": 1}]}', "region"),
        ('{"shards": [{"name": "a", "database_url": "secret"}]}', "database_url"),
        ('{"shards": [{"name": "a", "database_url": "host=x"}], "home": "b"}', "home"),
        (TWICE, "database_url"),
    ],
)
def test_a_wrong_list_of_shards_is_refused(tmp_path: Path, stated: str, reason: str) -> None:
    file = tmp_path / "shards.json"
    file.write_text(stated, "utf-8")
    with pytest.raises(OmegaError) as caught:
        shard_files.read(file)
    assert (caught.value.code, caught.value.field) == (ErrorCode.INVALID_FIELD, "shards_file")
    assert reason in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_list_of_shards_may_be_toml(tmp_path: Path) -> None:
    file = tmp_path / "shards.toml"
    file.write_text(
        'home = "b"\n[[shards]]\nname = "b"\ndatabase_url = "host=b"\n'
        '[[shards]]\nname = "a"\nregion = "eu"\ndatabase_url = "host=a"\n',
        "utf-8",
    )
    found = shard_files.read(file)
    assert found.home.name == "b"
    assert [each.name for each in found.entries] == ["a", "b"]
    assert [each.name for each in found.others] == ["a"]
    assert found.regions == {"a": "eu", "b": ""}
    with pytest.raises(OmegaError):
        FederationConfig(shards_file=file, database_url="host=x")

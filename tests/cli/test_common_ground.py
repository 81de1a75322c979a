"""What operators' commands have in common: how they reach a constellation, print, and end."""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from omega.constellation.v1 import admin_pb2, directory_pb2
from omega_cli.exits import Exit
from omega_cli.main import main
from omega_cli.output import (
    Column,
    add_json,
    add_yes,
    confirm,
    moment,
    record_of,
    show,
    show_one,
)
from omega_cli.reach import Reach, add_reach, reach_of
from omega_core.errors import OmegaError
from omega_testing.processes import free_port

DEVICE = f"tv-{'0' * 32}"
COLUMNS = (Column("name", "name"), Column("size", "size", right=True), Column("on", "on"))
RECORDS = [{"name": "a\x1b[31m [b]", "size": 12_345, "on": True}]


def parsed(*argv: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_reach(parser)
    add_json(parser)
    add_yes(parser)
    return parser.parse_args(argv)


def test_flags_win_over_variables_and_those_over_the_profile(tmp_path: Path) -> None:
    profile = tmp_path / "fleet.toml"
    profile.write_text('target = "a:1"\ntls_ca = "ca.pem"\n')
    environ = {"OMEGA_CLI_PROFILE": str(profile)}
    assert reach_of(parsed(), {}) == Reach()
    assert reach_of(parsed(), environ) == Reach("a:1", tmp_path / "ca.pem")
    environ["OMEGA_CLI_TARGET"] = "b:2"
    assert reach_of(parsed(), environ) == Reach("b:2", tmp_path / "ca.pem")
    flags = parsed("--target", "c:3", "--tls-ca", "other.pem")
    assert reach_of(flags, environ) == Reach("c:3", Path("other.pem"))
    # A variable that is empty takes back what the profile says.
    assert reach_of(parsed(), {**environ, "OMEGA_CLI_TLS_CA": ""}) == Reach("b:2")
    assert reach_of(parsed("--profile", str(profile)), {}).target == "a:1"


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("target = 1", "fleet.toml: target must be text"),
        ('host = "a"', "fleet.toml: host must be one of target"),
        ("target", "--profile must be a readable TOML file"),
        ('target = ""', "--target must be HOST:PORT"),
        ('tls_key = "k"', "--tls-key must be set together with --tls-certificate"),
        ('tls_key = "k"\ntls_certificate = "c"', "--tls-ca must be set when"),
    ],
)
def test_a_profile_of_no_use_is_named(tmp_path: Path, written: str, said: str) -> None:
    profile = tmp_path / "fleet.toml"
    profile.write_text(written)
    with pytest.raises(OmegaError, match=said):
        reach_of(parsed("--profile", str(profile)), {})


def test_who_does_not_answer_is_unreachable(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["revoke", DEVICE, "--target", f"127.0.0.1:{free_port()}"]) == Exit.UNREACHABLE
    error = capsys.readouterr().err
    assert error.startswith("omega: ")
    assert error.endswith("[UNAVAILABLE]\n")
    assert error.count("\n") == 1


def test_a_table_shows_what_others_wrote_without_heeding_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show(parsed(), "things", RECORDS, COLUMNS, caption="one thing")
    heading, _, row, caption = (
        line.strip() for line in capsys.readouterr().out.splitlines() if line.strip()
    )
    assert heading.split() == ["name", "size", "on"]
    assert row.split() == ["a�[31m", "[b]", "12,345", "yes"]
    assert caption == "one thing"
    show_one(parsed(), RECORDS[0], COLUMNS)
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [
        "name",
        "size",
        "on",
    ]


def test_machines_get_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    show(parsed("--json"), "things", RECORDS, COLUMNS, more={"total": 1})
    show_one(parsed("--json"), RECORDS[0], COLUMNS)
    first, second = capsys.readouterr().out.splitlines()
    assert json.loads(first) == {"things": RECORDS, "total": 1}
    assert json.loads(second) == RECORDS[0]


def test_a_message_becomes_a_record() -> None:
    stats = admin_pb2.ShardStats(shard="a", pushes=2**53 + 1, sketches_by_rate=[1, 2])
    stats.counted_at.FromJsonString("2026-11-29T10:20:30.5Z")
    record = record_of(stats)
    assert record["pushes"] == 2**53 + 1
    assert record["sketches_by_rate"] == [1, 2]
    assert record["counted_at"] == "2026-11-29T10:20:30.500000Z"
    assert record["last_push_at"] is None
    assert (moment(record["counted_at"]), moment(None)) == ("2026-11-29 10:20:30", "never")
    entry = directory_pb2.ShardEntry(shard="a", state=directory_pb2.SHARD_STATE_DRAINING)
    assert record_of(admin_pb2.ShardSummary(entry=entry))["entry"]["state"] == "draining"
    entry.state = 77  # type: ignore[assignment]  # of a later release
    assert record_of(entry)["state"] == 77


def test_nothing_is_done_where_nobody_can_be_asked() -> None:
    confirm(parsed("--yes"), "sure?")
    with pytest.raises(OmegaError, match="--yes must be given where nobody can be asked"):
        confirm(parsed(), "sure?")


def test_a_reader_that_goes_away_is_no_news() -> None:
    omega = Path(sys.prefix) / "bin" / "omega"
    with subprocess.Popen(
        [str(omega), "privacy", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == Exit.PIPE_CLOSED


@pytest.mark.parametrize("argv", [["--no-color", "privacy"], ["privacy", "--no-color"]])
def test_colour_is_left_out_on_request(
    argv: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", "")
    assert main(argv) == Exit.DONE
    assert os.environ["NO_COLOR"] == "1"
    assert not re.search(r"\x1b\[[\d;]*3\d", capsys.readouterr().out)

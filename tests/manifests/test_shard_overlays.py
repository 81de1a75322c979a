"""`omega k8s shard` writes the overlay that is committed and rendered."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest
import yaml
from k8s_rules.combinations import K8S

from omega_cli.k8s.command import register
from omega_cli.k8s.shard import DEVICES, ShardPlan, files
from omega_core.errors import OmegaError

EXAMPLE = K8S / "overlays" / "shards" / "eu-7"


def omega(*words: str) -> int:
    parser = argparse.ArgumentParser("omega")
    register(parser.add_subparsers())
    arguments = parser.parse_args(["k8s", "shard", *words])
    code: int = arguments.run(arguments)
    return code


def test_the_committed_shard_is_what_the_command_writes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    there = {path.name: path.read_text("utf-8") for path in EXAMPLE.iterdir()}
    assert there == files(ShardPlan(7, "eu"), "../../..")
    out = tmp_path / "out"
    assert omega("--id", "7", "--region", "eu", "--manifests", str(K8S), "--out", str(out)) == 0
    said = capsys.readouterr().out
    assert "omega shards add eu-7 constellation.omega-tv-eu-7.svc:50051 --region eu" in said
    written = yaml.safe_load((out / "kustomization.yaml").read_text("utf-8"))
    for resource in written["resources"] + written["components"]:
        assert (out / resource / "kustomization.yaml").resolve().is_file()


def test_the_database_of_production_is_that_of_a_shard_of_its_size() -> None:
    production = (K8S / "overlays" / "production" / "postgres.yaml").read_text("utf-8")
    assert production == files(ShardPlan(0, "eu", DEVICES), "..")["postgres.yaml"]


def test_it_says_so_for_machines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "out")
    words = ("--id", "12", "--region", "us-west", "--manifests", str(K8S), "--out", out)
    assert omega(*words, "--json") == 0
    assert json.loads(capsys.readouterr().out) == {
        "shard": "us-west-12",
        "folder": out,
        "namespace": "omega-tv-us-west-12",
    }


def test_what_lies_in_a_folder_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text("mine", "utf-8")
    words = ("--id", "7", "--region", "eu", "--manifests", str(K8S), "--out", str(tmp_path))
    with pytest.raises(OmegaError, match="--out must be a folder that is empty"):
        omega(*words)
    assert (tmp_path / "kustomization.yaml").read_text("utf-8") == "mine"


def test_the_manifests_have_to_be_there(tmp_path: Path) -> None:
    with pytest.raises(OmegaError, match="--manifests must be the folder"):
        omega("--id", "7", "--region", "eu", "--manifests", str(tmp_path))


@pytest.mark.parametrize(
    ("number", "region", "devices", "field"),
    [
        (-1, "eu", 1_000, "--id"),
        (10_000, "eu", 1_000, "--id"),
        (1, "EU", 1_000, "--region"),
        (1, "", 1_000, "--region"),
        (1, "eu-", 1_000, "--region"),
        (1, "a" * 17, 1_000, "--region"),
        (1, "eu", 999, "--devices"),
        (1, "eu", 4_000_001, "--devices"),
    ],
)
def test_a_shard_out_of_bounds_is_named(number: int, region: str, devices: int, field: str) -> None:
    with pytest.raises(OmegaError) as caught:
        ShardPlan(number, region, devices)
    assert caught.value.field == field


def test_a_larger_shard_gets_a_larger_database() -> None:
    def disk(devices: int) -> int:
        steps = yaml.safe_load(files(ShardPlan(1, "eu", devices), "..")["postgres.yaml"])
        return int(steps[0]["value"].removesuffix("Gi"))

    small = yaml.safe_load(files(ShardPlan(1, "eu", 1_000), "..")["postgres.yaml"])
    stated = {step["path"].rpartition("/")[2]: step["value"] for step in small}
    assert stated["max_wal_size"] == "8GB", "as the component has it"
    assert stated["resources"]["requests"]["cpu"] == "2"
    # Twice the TVs take twice the disk, to the rounding up of a GiB.
    assert 0 <= 2 * disk(800_000) - disk(1_600_000) <= 1

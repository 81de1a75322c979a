from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BASELINE = ROOT / "proto" / "baseline" / "omega.binpb"
SYNC = Path("omega/sync/v1/sync_service.proto")


def buf(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.prefix) / "bin" / "buf", *arguments],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


@pytest.fixture
def changed(tmp_path: Path) -> Path:
    """A copy of the contracts to change."""
    return shutil.copytree(ROOT / "proto", tmp_path / "proto")


def rewrite(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")


def test_the_contracts_pass_every_standard_rule() -> None:
    done = buf("lint", ROOT / "proto")
    assert (done.returncode, done.stdout) == (0, "")


def test_the_contracts_break_nothing_of_the_last_release() -> None:
    assert BASELINE.is_file()
    done = buf("breaking", ROOT / "proto", "--against", BASELINE)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("uint64 state_version = 5;", "uint32 state_version = 5;"),
        ("  bytes classes = 4;\n", ""),
        ("rpc GetResource(", "rpc FetchResource("),
    ],
)
def test_a_change_that_breaks_clients_is_found(changed: Path, old: str, new: str) -> None:
    rewrite(changed / SYNC, old, new)
    done = buf("breaking", changed, "--against", BASELINE)
    assert done.returncode == 100
    assert "sync_service.proto" in done.stdout


def test_an_addition_breaks_nothing(changed: Path) -> None:
    rewrite(changed / SYNC, "bytes classes = 4;", "bytes classes = 4;\n  uint32 added = 15;")
    assert buf("breaking", changed, "--against", BASELINE).returncode == 0

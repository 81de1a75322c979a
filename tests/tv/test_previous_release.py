"""Which commit is the release before."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from omega_testing.previous_release import previous


def git(folder: Path, *words: str) -> None:
    who = ["-c", "user.name=t", "-c", "user.email=t@omega.test"]
    command = ["git", "-C", str(folder), *who, *words]
    subprocess.run(command, check=True, capture_output=True)


@pytest.fixture
def history(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q")
    for subject in ("Begin", "Release 0.1.0", "Mend", "Release 0.2.0"):
        git(tmp_path, "commit", "-q", "--allow-empty", "-m", subject)
    return tmp_path


def test_at_a_release_it_is_the_one_before(history: Path) -> None:
    assert previous(history).version == "0.1.0"


def test_behind_a_release_it_is_that_one_and_no_commit_that_sounds_alike(history: Path) -> None:
    for subject in ("Release factors by stages", "Release 0.3.0 is near"):
        git(history, "commit", "-q", "--allow-empty", "-m", subject)
    assert previous(history).version == "0.2.0"


def test_without_a_release_that_is_said(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "Begin")
    with pytest.raises(RuntimeError, match="no release"):
        previous(tmp_path)

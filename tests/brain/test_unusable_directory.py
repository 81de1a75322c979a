"""A storage directory that cannot be used ends the start with one line and exit code 69."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


def _start(storage: Path) -> subprocess.CompletedProcess[str]:
    environ = {key: value for key, value in os.environ.items() if not key.startswith("OMEGA_")}
    return subprocess.run(
        [str(Path(sys.prefix) / "bin" / "omega-brain")],
        env={
            **environ,
            "OMEGA_BRAIN_STORAGE_PATH": str(storage),
            "OMEGA_BRAIN_ENCODER": "lexical",
            "OMEGA_BRAIN_LISTEN": "127.0.0.1:0",
            "OMEGA_BRAIN_CONSTELLATION_URL": "",
            "OMEGA_LOG_LEVEL": "ERROR",
        },
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


def _refused(ended: subprocess.CompletedProcess[str]) -> None:
    assert (ended.returncode, ended.stdout) == (69, "")
    (line,) = ended.stderr.splitlines()
    assert line.startswith("omega-brain: ")
    assert "the database does not answer" in line


def test_a_file_in_the_way_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    _refused(_start(tmp_path / "file" / "tv"))


@pytest.mark.parametrize("storage", ["/proc/omega", "/sys/omega"])
def test_a_place_that_takes_no_directory_is_told(storage: str) -> None:
    # Not even the superuser may make one there.
    _refused(_start(Path(storage)))

"""docs/client.md: its examples run, and its install is what they import."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from omega_testing.certificates import Certificates
from omega_testing.processes import ServiceProcess
from omega_testing.sources import distributions

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "client.md").read_text("utf-8")
THREADS, LOOP, TLS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
SOCKET = "unix:/run/omega/brain.sock"
# A busy machine is no reason to fail.
HURRY, PATIENCE = "within(0.5)", "within(20)"


def _printed(example: str, directory: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", example],
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_both_examples_run_against_a_brain(tmp_path: Path) -> None:
    assert SOCKET in THREADS
    assert HURRY in THREADS
    assert SOCKET in LOOP
    environ = {
        "OMEGA_BRAIN_STORAGE_PATH": str(tmp_path / "tv"),
        "OMEGA_BRAIN_ENCODER": "lexical",
        "OMEGA_BRAIN_LISTEN": "127.0.0.1:0",
    }
    with ServiceProcess(["omega-brain"], environ) as brain:
        example = THREADS.replace(SOCKET, brain.address).replace(HURRY, PATIENCE)
        lines = _printed(example, tmp_path).splitlines()
        assert sorted(line.partition(" - ")[0] for line in lines) == ["Collateral", "Ronin"]
        assert all(line.partition(" - ")[2] for line in lines)
        stats, watched = _printed(LOOP.replace(SOCKET, brain.address), tmp_path).splitlines()
        assert stats == "1 events, 0 profiles"
        assert watched.startswith("list 1 [")
        assert "Ronin" in watched


def test_the_example_of_tls_takes_files_that_stand_there(tmp_path: Path) -> None:
    Certificates(tmp_path)
    assert _printed(TLS, tmp_path) == ""


def test_the_install_names_exactly_what_the_client_imports() -> None:
    packages = {each.package: each for each in distributions(ROOT)}
    waiting, needed = ["omega_client"], set[str]()
    while waiting:
        package = waiting.pop()
        if package in packages and package not in needed:
            needed.add(package)
            waiting += [name.partition(".")[0] for name in packages[package].imports()]
    (braces,) = re.findall(r"\./libs/omega_\{([a-z_,]+)\}", PAGE)
    folders = {packages[package].folder.name for package in needed}
    assert {f"omega_{name}" for name in braces.split(",")} == folders

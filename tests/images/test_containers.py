"""What does not start or serve is told at once, with what it said, and nothing of it stays."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from images.container import Container
from images.engine import Engine, EngineError


class Podman:
    """A program in place of podman: every answer lies in a file, and each call is written down."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        program = folder / "podman"
        program.write_text(
            """#!/bin/sh
cd "$(dirname "$0")"
echo "$*" >> calls
case "$*" in
  *State.Running*) word=running ;;
  *State.ExitCode*) echo 78; exit ;;
  *) word=$1 ;;
esac
test -e "$word" && . "./$word"
exit 0
"""
        )
        program.chmod(0o755)
        self.engine = Engine("podman", {"PATH": f"{folder}:/usr/bin:/bin"})
        self.on("create", "echo c1")
        self.on("logs", "echo 'no certificate' >&2")

    def on(self, word: str, script: str) -> None:
        (self._folder / word).write_text(script)

    def calls(self) -> list[str]:
        return (self._folder / "calls").read_text().splitlines()


@pytest.fixture
def podman(tmp_path: Path) -> Podman:
    return Podman(tmp_path)


def test_a_container_that_has_ended_is_not_waited_for(podman: Podman) -> None:
    podman.on("exec", "exit 125")
    podman.on("running", "echo false")
    began = time.monotonic()
    with (
        Container(podman.engine, "omega-sync", {}) as container,
        pytest.raises(EngineError, match="omega-sync ended with 78:\nno certificate"),
    ):
        container.until_healthy("omega-sync", seconds=60)
    assert time.monotonic() - began < 30


def test_one_that_runs_is_asked_until_it_serves(podman: Podman) -> None:
    podman.on("running", "echo true")
    podman.on("exec", "test -e again || { touch again; exit 1; }")
    with Container(podman.engine, "omega-sync", {}) as container:
        container.until_healthy("omega-sync")
    assert podman.calls().count("exec c1 omega-sync --health") == 2


def test_one_that_never_serves_is_given_up_with_its_log(podman: Podman) -> None:
    podman.on("running", "echo true")
    podman.on("exec", "echo NOT_SERVING; exit 1")
    with (
        Container(podman.engine, "omega-sync", {}) as container,
        pytest.raises(EngineError, match=r"omega-sync is still .*NOT_SERVING.*\nno certificate"),
    ):
        container.until_healthy("omega-sync", seconds=0.1)


def test_one_that_cannot_be_started_is_removed(podman: Podman) -> None:
    podman.on("start", "echo 'no such runtime' >&2; exit 126")
    with pytest.raises(EngineError, match="no such runtime"):
        Container(podman.engine, "omega-sync", {"A": "1"}, {Path("/here"): "/there:ro"}, ["--x"])
    create, _, remove = podman.calls()
    assert create.endswith("--env A=1 --volume /here:/there:ro omega-sync --x")
    assert remove == "rm --force --volumes c1"


def test_a_failure_to_tidy_up_hides_no_other(
    podman: Podman, capsys: pytest.CaptureFixture[str]
) -> None:
    podman.on("start", "echo 'no such runtime' >&2; exit 126")
    podman.on("rm", "echo 'still busy' >&2; exit 2")
    with pytest.raises(EngineError, match="no such runtime"):
        Container(podman.engine, "omega-sync", {})
    assert "still busy" in capsys.readouterr().err


def test_files_are_exported_and_nothing_of_them_stays(podman: Podman) -> None:
    podman.on("export", 'echo files > "$3"')
    with podman.engine.exported("omega-sync") as archive:
        assert archive.read_text() == "files\n"
        assert podman.calls()[-1] == "rm --volumes c1"
    assert not archive.exists()


def test_a_failed_export_is_told_and_its_container_goes(podman: Podman) -> None:
    podman.on("export", "echo 'no space left' >&2; exit 125")
    with (
        pytest.raises(EngineError, match="no space left"),
        podman.engine.exported("omega-sync"),
    ):
        pytest.fail("there is no archive")
    assert podman.calls()[-1] == "rm --volumes c1"

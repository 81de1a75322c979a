"""Where images can be built and tried, and what is said elsewhere."""

from __future__ import annotations

import json
import os
import platform
import signal

import pytest
from images import __main__ as command


def _ends(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """The one line that is said before anything is asked of an engine."""
    monkeypatch.setattr("sys.argv", ["images", "all"])
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(signal, "signal", lambda *_: None)  # which would outlive the test
    assert command.main() == 1
    said = capsys.readouterr()
    assert said.out == ""
    (line,) = said.err.splitlines()
    return line


@pytest.mark.parametrize(
    ("system", "machine"), [("Linux", "aarch64"), ("Darwin", "x86_64"), ("Darwin", "arm64")]
)
def test_another_machine_is_told_which_one_it_takes(
    system: str, machine: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    line = _ends(monkeypatch, capsys)
    assert line == f"images are built and tried on linux/amd64 alone; this is {system}/{machine}"


def test_another_user_is_told_that_it_takes_root(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(os, "geteuid", lambda: 1_000)
    assert _ends(monkeypatch, capsys).startswith("images are tried as root")


def test_a_machine_without_an_engine_is_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert "apt-get install -y --no-install-recommends buildah podman" in _ends(monkeypatch, capsys)


@pytest.mark.parametrize("faults", [[], ["it runs as 0"]])
def test_images_that_were_only_built_are_told_of_without_a_run(
    faults: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    row = command.Row("omega-relay", "amd64", "base", 57.9, 97.5, 105, 26, 21, 145, "here", faults)
    assert command._show([row], None, 1.0, machine=False) == len(faults)
    said = capsys.readouterr().out
    assert "97.5 MB" in said
    assert "the loop" not in said
    assert ("FAULT omega-relay (amd64): it runs as 0" in said) == bool(faults)
    assert command._show([row], None, 1.0, machine=True) == len(faults)
    assert json.loads(capsys.readouterr().out)["images"][0]["image"] == "omega-relay"


def test_an_image_that_there_is_not_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["images", "all", "--only", "relay", "gateway"])
    with pytest.raises(SystemExit, match="2"):
        command.main()
    assert "invalid choice: 'gateway'" in capsys.readouterr().err

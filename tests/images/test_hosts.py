"""Where images can be built and tried, and what is said elsewhere."""

from __future__ import annotations

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

"""The program that updates a TV: what it takes from an archive, and what it refuses before."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

PROGRAM = Path(__file__).resolve().parents[2] / "deploy" / "tv" / "omega_update.py"
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """run(words) of the program on a TV that has nothing yet, whose brain cannot be stopped."""
    environment = tmp_path / "brain.env"
    environment.write_text(f"# settings\nOMEGA_BRAIN_STORAGE_PATH={tmp_path}/storage\n")

    def call(*words: str) -> subprocess.CompletedProcess[str]:
        places = ["--root", str(tmp_path), "--state", str(tmp_path / "update")]
        command = [sys.executable, str(PROGRAM), *places, "--environment", str(environment)]
        return subprocess.run(
            [*command, "--stop", "false", "--start", "false", *words],
            capture_output=True,
            text=True,
            check=False,
        )

    return call


def archive(path: Path, *members: tuple[str, bytes], link: str = "") -> str:
    """Writes a tar; its SHA-256."""
    with tarfile.open(path, "w") as file:
        for name, body in members:
            member = tarfile.TarInfo(name)
            member.size = len(body)
            file.addfile(member, io.BytesIO(body))
        if link:
            member = tarfile.TarInfo("cache")
            member.type, member.linkname = tarfile.SYMTYPE, link
            file.addfile(member)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def untouched(folder: Path) -> bool:
    """Whether nothing was filled, turned or written down."""
    return not any((folder / name).exists() for name in ("a", "b", "current", "update/update.json"))


@pytest.mark.parametrize(
    ("members", "link"),
    [
        ([("../outside", b"x")], ""),
        ([("/tmp/omega-outside", b"x")], ""),  # noqa: S108 - must not be written
        ([("wheels/../../outside", b"x")], ""),
        ([("release.json", b"{}")], "/etc"),
        ([("release.json", b"{}")], ""),
        ([("wheels/x.whl", b"no release.json")], ""),
        ([], ""),
    ],
)
def test_an_archive_that_does_not_fit_changes_nothing(
    members: list[tuple[str, bytes]], link: str, run: Run, tmp_path: Path
) -> None:
    digest = archive(tmp_path / "x.tar", *members, link=link)
    done = run("install", str(tmp_path / "x.tar"), "--sha256", digest)
    assert done.returncode == 1, done.stderr
    assert untouched(tmp_path)
    assert not (tmp_path.parent / "outside").exists()


def refused(done: subprocess.CompletedProcess[str], named: str) -> bool:
    """Whether it was refused in one line that names this."""
    return done.returncode == 1 and done.stderr.count("\n") == 1 and named in done.stderr


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b"{}", "release.json: version must be"),
        (b'{"version": 5}', "release.json: version must be"),
        (b'{"version": ""}', "release.json: version must be"),
        (b'{"version": "1\\n2"}', "release.json: version must be"),
        (b"[]", "release.json must be a JSON object"),
        (b"[" * 100_000, "release.json must be JSON"),
        (b"\xff", "cannot be installed"),
    ],
)
def test_a_release_json_of_no_use_is_named(
    body: bytes, named: str, run: Run, tmp_path: Path
) -> None:
    digest = archive(tmp_path / "x.tar", ("release.json", body))
    done = run("install", str(tmp_path / "x.tar"), "--sha256", digest)
    assert refused(done, named), done.stderr
    assert untouched(tmp_path)


@pytest.mark.parametrize("command", ["recover", "status"])
@pytest.mark.parametrize(
    ("body", "named"),
    [("{", "update.json must be JSON"), ("{}", "update.json: phase"), ("5", "a JSON object")],
)
def test_an_update_json_of_no_use_is_named(
    body: str, named: str, command: str, run: Run, tmp_path: Path
) -> None:
    (tmp_path / "update").mkdir()
    (tmp_path / "update" / "update.json").write_text(body)
    assert refused(run(command), named)


def test_settings_without_the_storage_are_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "brain.env").write_text("OMEGA_BRAIN_ENCODER=lexical\n")
    assert refused(run("recover"), "OMEGA_BRAIN_STORAGE_PATH must be set")


def test_a_slot_without_a_whole_release_is_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "release.json").write_text("{}")
    (tmp_path / "current").symlink_to("a")
    assert refused(run("status"), "release.json: version")


@pytest.mark.parametrize("words", [[], ["instal"], ["install", "x.tar"], ["--seconds", "soon"]])
def test_a_command_line_that_is_wrong_is_refused(words: list[str], run: Run) -> None:
    assert refused(run(*words), "omega-update")


def test_the_digest_decides(run: Run, tmp_path: Path) -> None:
    archive(tmp_path / "x.tar", ("release.json", b"{}"))
    done = run("install", str(tmp_path / "x.tar"), "--sha256", "0" * 64)
    assert (done.returncode, "digest" in done.stderr) == (1, True)
    assert untouched(tmp_path)


def test_an_update_that_was_interrupted_is_ended_first(run: Run, tmp_path: Path) -> None:
    (tmp_path / "update").mkdir()
    (tmp_path / "current").symlink_to("a")
    state = {"phase": "taking back", "before": None, "slot": "a", "schema": 0}
    (tmp_path / "update" / "update.json").write_text(json.dumps(state))
    digest = archive(tmp_path / "x.tar", ("release.json", b"{}"))
    done = run("install", str(tmp_path / "x.tar"), "--sha256", digest)
    assert (done.returncode, "recover" in done.stderr) == (1, True)
    # The brain cannot be stopped here: what was begun stays written down, for another try.
    assert run("recover").returncode == 4
    assert json.loads((tmp_path / "update" / "update.json").read_text())["phase"] == "taking back"


def test_nothing_to_recover_is_done(run: Run, tmp_path: Path) -> None:
    assert run("recover").returncode == 0
    assert json.loads(run("status").stdout) == {"slot": None, "version": None}
    assert untouched(tmp_path)

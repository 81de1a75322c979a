"""The updater's own folder: the brain's user makes nothing in it, and no link leads out of it."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from omega_testing.tv_slots import Tv

ROOT = os.geteuid() == 0
BRAIN = 65_534 if ROOT else os.geteuid()
"""The brain's user: another one, where this test may become another one."""
STATE = {"phase": "done", "before": "a", "slot": "b", "schema": 1, "outcome": "updated"}


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """One that other users can reach."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def test_the_brains_user_owns_the_copy_and_makes_nothing_beside_it(
    program: ModuleType, open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tv = Tv(program, open_folder)
    for path in (tv.database.parent, *tv.database.parent.iterdir()):
        os.chown(path, BRAIN, -1)
    # The interpreter of the tests may lie where another user cannot reach it.
    monkeypatch.setattr(sys, "executable", "/usr/bin/python3")
    update = tv.update()
    schema = update._schema()
    update._keep_copy()
    assert update.folder.stat().st_uid == os.geteuid()
    # The brain's group may pass through the folder, to the copy that is the brain's.
    assert stat.S_IMODE(update.folder.stat().st_mode) == (0o710 if ROOT else 0o700)
    assert (update.copy.stat().st_uid, stat.S_IMODE(update.copy.stat().st_mode)) == (BRAIN, 0o600)
    assert [path.name for path in update.folder.iterdir()] == ["before.db"]
    assert {path.stat().st_uid for path in tv.database.parent.iterdir()} == {BRAIN}
    copied = update._ask(program.SCHEMA, program.uri(update.copy, "ro&immutable=1"))
    assert int(copied) == schema > 0
    made = subprocess.run(["/usr/bin/touch", update.folder / "made"], user=BRAIN, check=False)
    assert (made.returncode != 0) == ROOT


@pytest.mark.parametrize("name", ["lock", "update.json", "."])
def test_no_link_is_followed(name: str, tv: Tv, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    place = tv.root / "update" / name
    if name == ".":
        place.rename(outside)
    else:
        outside.write_text(json.dumps(STATE))
        place.unlink(missing_ok=True)
    place.symlink_to(outside)
    with pytest.raises(OSError, match=r"symbolic link|Not a directory"):
        tv.update().lock()
    if name != ".":
        assert json.loads(outside.read_text()) == STATE


@pytest.mark.parametrize("name", ["update.new", "before.db"])
def test_what_is_written_takes_the_place_of_a_link(name: str, tv: Tv, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("kept")
    (tv.root / "update" / name).symlink_to(outside)
    assert tv.install() == 0
    assert outside.read_text() == "kept"


@pytest.mark.parametrize(
    "change",
    [
        {"slot": "../outside"},
        {"slot": None},
        {"before": "/etc"},
        {"before": ["a"]},
        {"phase": "begun"},
        {"schema": "1"},
        {"schema": True},
        {"outcome": 1},
    ],
)
def test_a_state_that_it_does_not_write_is_refused(change: dict[str, Any], tv: Tv) -> None:
    (tv.root / "update" / "update.json").write_text(json.dumps(STATE | change))
    with pytest.raises(ValueError, match=f"update.json: {next(iter(change))} cannot be"):
        tv.update()


@pytest.mark.parametrize("target", ["../outside", "c", "a/../b"])
def test_a_current_that_is_no_slot_is_refused(target: str, tv: Tv, program: ModuleType) -> None:
    (tv.root / "current").unlink()
    (tv.root / "current").symlink_to(target)
    with pytest.raises(program.Refused, match="must point to a slot, a or b"):
        tv.install()


def test_a_slot_that_is_a_link_is_neither_run_nor_filled(
    tv: Tv, program: ModuleType, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (tv.root / "b").symlink_to(outside)
    (tmp_path / "x.tar").write_bytes(b"")
    with pytest.raises(program.Refused, match="cannot be installed"):
        tv.update().install(tmp_path / "x.tar", "0" * 64)
    assert list(outside.iterdir()) == []
    (tv.root / "a").rename(tv.root / "elsewhere")
    (tv.root / "a").symlink_to("elsewhere")
    with pytest.raises(ValueError, match="must point to a slot"):
        tv.update().status()

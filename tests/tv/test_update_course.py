"""Switching, checking, taking back and recovering, on a real household's database.

Slots are filled by hand here, and a stand-in says whether it serves.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sqlite3
import stat
import sys
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from omega_core.clock import SystemClock
from omega_core.content import Content, ContentKind
from omega_persistence import Contents, Database, StoredContent, migrate

PROGRAM = Path(__file__).resolve().parents[2] / "deploy" / "tv" / "omega_update.py"
SCHEMA = len(migrate.shipped())
_START = """
import json, pathlib, sqlite3, sys
root, database = map(pathlib.Path, sys.argv[1:])
deeds = json.loads((root / "current" / "deeds.json").read_text())
with sqlite3.connect(database) as c:
    for number in range(deeds["schema"]):
        c.execute(f"CREATE TABLE later_{number} (x)")
    (version,) = c.execute("PRAGMA user_version").fetchone()
    c.execute(f"PRAGMA user_version = {version + deeds['schema']}")
    c.execute("DELETE FROM contents WHERE content_id = ?", (deeds["erases"],))
c.close()
(root / "running").write_text(str(deeds["answers"]))
"""
_HEALTH = """
left=$(cat {root}/running 2>/dev/null) || exit 1
[ "$left" -gt 0 ] || exit 1
echo $((left - 1)) >{root}/running
"""


@pytest.fixture(scope="module")
def program() -> ModuleType:
    spec = importlib.util.spec_from_file_location("omega_update", PROGRAM)
    if spec is None or spec.loader is None:
        raise AssertionError(PROGRAM)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.POLL_SECONDS = 0.01  # type: ignore[attr-defined]  # of the module
    return module


class Tv:
    """A TV with two titles, and slots that are filled by hand."""

    def __init__(self, program: ModuleType, folder: Path) -> None:
        self._program, self.root = program, folder
        self.database = folder / "storage" / "brain.db"
        with closing(Database.open(self.database, clock=SystemClock())) as database:
            vector = np.eye(384, dtype=np.float32)[0]
            Contents(database).upsert(
                [
                    StoredContent(
                        content=Content(name, name, ContentKind.MOVIE),
                        embedding=vector,
                        model_version="m",
                    )
                    for name in ("kept", "other")
                ]
            )
        self.environment = folder / "brain.env"
        self.environment.write_text(f"OMEGA_BRAIN_STORAGE_PATH={self.database.parent}\n")
        (folder / "start.py").write_text(_START)

    def update(self) -> Any:
        start = [sys.executable, str(self.root / "start.py"), str(self.root), str(self.database)]
        made = self._program.Update(
            argparse.Namespace(
                root=self.root,
                state=self.root / "update",
                environment=self.environment,
                start=start,
                stop=["rm", "-f", str(self.root / "running")],
                seconds=0.5,
                steady=0.05,
            )
        )
        made.read()
        return made

    def install(self, *, answers: int = 1_000, schema: int = 0, erases: str = "") -> int:
        """A release that answers so often whether it serves, and does this to the database."""

        def fill(slot: str, *_: object) -> None:
            programs = self.root / slot / "bin"
            programs.mkdir(parents=True, exist_ok=True)
            deeds = {"answers": answers, "schema": schema, "erases": erases}
            (self.root / slot / "deeds.json").write_text(json.dumps(deeds))
            for name, text in (
                ("omega-brain", _HEALTH.format(root=self.root)),
                ("python", f'exec {sys.executable} "$@"\n'),
            ):
                (programs / name).write_text("#!/bin/sh\n" + text)
                (programs / name).chmod(0o755)

        update = self.update()
        update._fill = fill
        code: int = update.install(Path("archive"), "digest")
        return code

    def holds(self) -> tuple[int, list[str]]:
        """Version of the schema, and titles."""
        with closing(sqlite3.connect(self.database)) as database:
            (schema,) = database.execute("PRAGMA user_version").fetchone()
            rows = database.execute("SELECT content_id FROM contents ORDER BY 1").fetchall()
        return schema, [title for (title,) in rows]

    def slot(self) -> str:
        return str((self.root / "current").readlink())


@pytest.fixture
def tv(program: ModuleType, tmp_path: Path) -> Tv:
    made = Tv(program, tmp_path)
    assert made.install() == program.DONE
    assert made.slot() == "a"
    return made


BOTH = ["kept", "other"]


def test_a_good_release_stays_with_its_schema(tv: Tv, program: ModuleType) -> None:
    assert tv.install(schema=1) == program.DONE
    assert (tv.slot(), tv.holds()) == ("b", (SCHEMA + 1, BOTH))
    assert tv.update().status()["outcome"] == "updated"
    assert not (tv.root / "update" / "before.db").exists()


@pytest.mark.parametrize("answers", [0, 1], ids=["never serves", "serves and ends"])
def test_a_bad_one_that_changed_the_schema_takes_nothing_along(
    answers: int, tv: Tv, program: ModuleType
) -> None:
    assert tv.install(answers=answers, schema=2, erases="other") == program.TAKEN_BACK
    assert (tv.slot(), tv.holds()) == ("a", (SCHEMA, BOTH))
    assert not (tv.root / "update" / "before.db").exists()
    assert tv.install() == program.DONE
    assert tv.slot() == "b"


def test_a_bad_one_of_the_same_schema_leaves_what_it_did(tv: Tv, program: ModuleType) -> None:
    assert tv.install(answers=0, erases="other") == program.TAKEN_BACK
    assert (tv.slot(), tv.holds()) == ("a", (SCHEMA, ["kept"]))


def test_a_first_release_that_is_bad_leaves_none(program: ModuleType, tmp_path: Path) -> None:
    tv = Tv(program, tmp_path)
    assert tv.install(answers=0) == program.NOTHING_SERVES
    assert not (tmp_path / "current").is_symlink()
    assert tv.install() == program.DONE


@pytest.mark.parametrize("moment", ["_stop", "_keep_copy", "_switch", "_start", "_judge"])
@pytest.mark.parametrize("answers", [0, 1_000], ids=["bad", "good"])
def test_a_power_cut_at_any_moment_ends_in_a_release_that_serves(
    moment: str, answers: int, tv: Tv, program: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Cut(BaseException):
        """Ends the program as a power cut does."""

    def cut(*_: object) -> None:
        raise Cut

    with monkeypatch.context() as patch:
        patch.setattr(program.Update, moment, cut)
        with pytest.raises(Cut):
            tv.install(answers=answers, schema=1)
    switched = tv.slot() == "b"
    if switched:
        tv.update()._start()  # as systemd starts what the link points to
    kept = switched and answers > 0
    assert tv.update().recover() == (program.DONE if kept else program.TAKEN_BACK)
    assert tv.slot() == ("b" if kept else "a")
    assert tv.holds()[1] == BOTH
    assert tv.holds()[0] == SCHEMA or kept
    assert tv.update().recover() == program.DONE


def test_the_copy_of_a_household_is_nobody_elses_to_read(
    tv: Tv, program: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    modes: list[int] = []

    def look(update: Any) -> int:
        modes.extend(stat.S_IMODE(path.stat().st_mode) for path in (update.folder, update.copy))
        return int(program.DONE)

    monkeypatch.setattr(program.Update, "_judge", look)
    tv.install()
    assert modes == [0o700, 0o600]

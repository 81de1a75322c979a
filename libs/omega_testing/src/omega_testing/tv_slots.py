"""A TV on a real household's database whose slots are filled by hand, for tests of its updates.

A stand-in for the brain says whether it serves.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from omega_core.clock import SystemClock
from omega_core.content import Content, ContentKind
from omega_persistence import Contents, Database, StoredContent

PROGRAM = Path(__file__).resolve().parents[4] / "deploy" / "tv" / "omega_update.py"
"""What updates a TV."""
TITLES = ["kept", "other"]
"""Of the household's catalogue."""
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


def load() -> ModuleType:
    """The program, which no package holds."""
    spec = importlib.util.spec_from_file_location("omega_update", PROGRAM)
    if spec is None or spec.loader is None:
        raise AssertionError(PROGRAM)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.POLL_SECONDS = 0.01  # type: ignore[attr-defined]  # of the module
    return module


class Tv:
    """A TV with two titles, and slots that are filled by hand.

    Args:
        program: what updates it.
        folder: of all that it has.
    """

    def __init__(self, program: ModuleType, folder: Path) -> None:
        self._program = program
        self.root = folder
        """Of the slots."""
        self.database = folder / "storage" / "brain.db"
        """Of the household."""
        with closing(Database.open(self.database, clock=SystemClock())) as database:
            vector = np.eye(384, dtype=np.float32)[0]
            Contents(database).upsert(
                [
                    StoredContent(
                        content=Content(name, name, ContentKind.MOVIE),
                        embedding=vector,
                        model_version="m",
                    )
                    for name in TITLES
                ]
            )
        self._environment = folder / "brain.env"
        self._environment.write_text(f"OMEGA_BRAIN_STORAGE_PATH={self.database.parent}\n")
        (folder / "start.py").write_text(_START)

    def update(self) -> Any:
        """The program's own object, as one call of it makes it."""
        start = [sys.executable, str(self.root / "start.py"), str(self.root), str(self.database)]
        made = self._program.Update(
            argparse.Namespace(
                root=self.root,
                state=self.root / "update",
                environment=self._environment,
                start=start,
                stop=["rm", "-f", str(self.root / "running")],
                seconds=3,
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
            (self.root / slot / "release.json").write_text('{"version": "1.2.3"}')
            for name, text in (
                ("omega-brain", _HEALTH.format(root=self.root)),
                ("python", f'exec {sys.executable} "$@"\n'),
            ):
                (programs / name).write_text("#!/bin/sh\n" + text)
                (programs / name).chmod(0o755)

        update = self.update()
        update._fill = fill  # noqa: SLF001 - an archive of a whole brain takes minutes
        code: int = update.install(Path("archive"), "digest")
        return code

    def holds(self) -> tuple[int, list[str]]:
        """Version of the schema, and titles."""
        with closing(sqlite3.connect(self.database)) as database:
            (schema,) = database.execute("PRAGMA user_version").fetchone()
            rows = database.execute("SELECT content_id FROM contents ORDER BY 1").fetchall()
        return schema, [title for (title,) in rows]

    def runs(self) -> bool:
        """Whether the release was started and not stopped since."""
        return (self.root / "running").exists()

    def slot(self) -> str:
        """Which one the link points to."""
        return str((self.root / "current").readlink())

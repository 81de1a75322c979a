"""Updates a TV by deploy/tv/omega_update.py with real wheels: installs, updates, and takes back.

Three releases of this tree, each of a higher version than the one before: the first with the
model, one that is good, and one that serves, changes the household's database, and ends. What is
held to: versions, slots and exit codes, and a household that loses nothing and is shown a list.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

import tv_release
from proof_site import say
from tv_box import LISTED, Step, Tv
from tv_release import Archive

from omega_core.content import Content
from omega_embed import default_cache_dir
from omega_eval.sample import load_sample

ROOT = Path(__file__).parents[1]
_TITLES = 40
_UPDATED, _TAKEN_BACK = 0, 2
_BAD_START = """memory.release_unused()
        _spoil(config)
"""
_SPOIL = '''

def _spoil(config: BrainConfig) -> None:
    """What a bad release may do to a household: another schema, a table that is empty, the end."""
    import sqlite3
    import threading

    def end() -> None:
        with sqlite3.connect(config.storage_path / "brain.db", timeout=30) as database:
            (schema,) = database.execute("PRAGMA user_version").fetchone()
            database.execute("DELETE FROM events")
            database.execute(f"PRAGMA user_version = {schema + 1}")
            database.execute(
                "UPDATE meta SET value = ? WHERE key = 'schema_version'", (str(schema + 1),)
            )
        os._exit(1)

    threading.Timer(1.0, end).start()


def main() -> int:
'''


def releases(folder: Path, version: str) -> list[Archive]:
    """The three of them, in their order."""
    major, minor, patch = version.split(".")
    better, bad = (f"{major}.{minor}.{int(patch) + more}" for more in (1, 2))
    say(f"building wheels of {version}, {better} and {bad}")
    first = tv_release.pack(ROOT, version, folder / "first", cache=default_cache_dir())
    others = folder / "first" / "wheels"
    tree = tv_release.copied(ROOT, folder / "better-tree", version, better)
    second = tv_release.pack(tree, better, folder / "better", others=others)
    tree = tv_release.copied(ROOT, folder / "bad-tree", version, bad)
    main = tree / "services" / "brain" / "src" / "omega_brain" / "__main__.py"
    tv_release.replace(main, "memory.release_unused()\n", _BAD_START)
    tv_release.replace(main, "\n\ndef main() -> int:\n", _SPOIL)
    return [first, second, tv_release.pack(tree, bad, folder / "bad", others=others)]


def prove(folder: Path, version: str) -> list[Step]:
    """Installs all of them, one after another."""
    first, better, bad = releases(folder, version)
    place = folder / "tv"
    place.mkdir()
    tv, titles = Tv(place), load_sample()[:_TITLES]
    try:
        say("updating a TV")
        steps = [tv.update(f"{first.version}, with the model, {first.megabytes:.0f} MB", first)]
        steps.append(
            held(tv, titles, f"{better.version}, without, {better.megabytes:.0f} MB", better)
        )
        if not tv.shares_model():
            steps[-1].faults.append("the slots do not share the model")
        steps.append(held(tv, titles, f"{bad.version}, which spoils the database and ends", bad))
    finally:
        tv.stop()
    wanted = [
        (_UPDATED, "a", first.version), (_UPDATED, "b", better.version),
        (_TAKEN_BACK, "b", better.version),
    ]  # fmt: skip
    for step, want in zip(steps, wanted, strict=True):
        if (step.code, step.slot, step.version) != want:
            step.faults.append(f"code, slot and version must be {want}")
    return steps


def held(tv: Tv, titles: list[Content], name: str, archive: Archive) -> Step:
    """Has more watched, installs, and holds the household to what it was."""
    tv.watch(titles)
    before = tv.household()
    step = tv.update(name, archive)
    if tv.household() != before:
        step.faults.append("the household has other viewings or titles")
    if (shown := tv.lists()) != LISTED:
        step.faults.append(f"the household is shown {shown} titles")
    return step


def main() -> int:
    """Prints a table; 1 when anything is not as it must be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    version = tv_release.version(ROOT)
    with tempfile.TemporaryDirectory(prefix="omega-update-") as name:
        steps = prove(Path(name), version)
    ok = not any(step.faults for step in steps)
    if arguments.json:
        print(json.dumps({"proof": "update", "ok": ok, "steps": [asdict(each) for each in steps]}))
        return int(not ok)
    print(f"{'release':44}{'exit':>5}{'slot':>6}{'version':>9}{'viewings':>10}{'seconds':>9}")
    for step in steps:
        print(f"{step.name:44}{step.code:>5}{step.slot:>6}{step.version:>9}{step.events:>10}"
              f"{step.seconds:>9.1f}")  # fmt: skip
        for fault in step.faults:
            print(f"    WRONG: {fault}")
    print("all held" if ok else "NOT ALL HELD")
    return int(not ok)


if __name__ == "__main__":
    sys.exit(main())

"""Updates a TV by deploy/tv/omega_update.py with real wheels: installs, updates, and takes back.

Three releases of this tree, each of a higher version than the one before: the first with the
model, one that is good, and one that serves, changes the household's database, and ends. What is
held to: versions, slots and exit codes, a household that loses nothing, and a list that stays.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import tv_release
from proof_site import say
from tv_release import Archive

from omega.brain.v1 import brain_service_pb2 as brain_pb
from omega_client import BrainClient
from omega_core.content import Content
from omega_delta import content_to_proto
from omega_embed import default_cache_dir
from omega_eval.sample import load_sample

ROOT = Path(__file__).parents[1]
UPDATER = ROOT / "deploy" / "tv" / "omega_update.py"
_TITLES, _WATCHED = 40, 5
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
_START = """#!/bin/sh
set -a; . {environment}; set +a
setsid {root}/current/bin/omega-brain </dev/null >>{folder}/brain.log 2>&1 &
echo $! >{folder}/pid
"""
_STOP = """#!/bin/sh
pid=$(cat {folder}/pid 2>/dev/null) || exit 0
while kill "$pid" 2>/dev/null; do sleep 0.2; done
rm {folder}/pid
"""


@dataclass
class Step:
    """One call of the updater."""

    name: str
    """What was tried."""
    code: int
    """Its exit code."""
    seconds: float
    """Time that it took."""
    slot: str
    """Slot that runs after it."""
    version: str
    """What the brain in it says of itself."""
    events: int
    """Viewings that the household has then."""
    faults: list[str] = field(default_factory=list)
    """What is not as it must be."""


class Tv:
    """A TV in a folder: slots, a household, and what starts and stops its brain.

    Args:
        folder: of all that it has.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._root = folder, folder / "slots"
        self._root.mkdir()
        self.socket = f"unix:{folder}/brain.sock"
        """Where its brain listens."""
        self._environment = folder / "brain.env"
        settings = {
            "OMEGA_BRAIN_LISTEN": self.socket,
            "OMEGA_BRAIN_STORAGE_PATH": folder / "household",
            "OMEGA_CACHE_DIR": self._root / "current" / "cache",
            "OMEGA_BRAIN_CONSTELLATION_URL": "",
            "OMEGA_BRAIN_RECOMMEND_TIMEOUT_MS": "10000",  # a busy machine
        }
        self._environment.write_text("".join(f"{k}={v}\n" for k, v in settings.items()), "utf-8")
        for name, text in (("start", _START), ("stop", _STOP)):
            path = folder / name
            path.write_text(
                text.format(environment=self._environment, root=self._root, folder=folder), "utf-8"
            )
            path.chmod(0o755)
        self.watched = 0
        """Viewings that the brain has answered."""

    def update(self, name: str, archive: Archive) -> Step:
        """Has the updater install an archive, and looks at what runs then."""
        began = time.monotonic()
        words = ["install", str(archive.path), "--sha256", archive.digest]
        done = self._updater("--seconds", "60", "--steady", "4", *words)
        seconds = time.monotonic() - began
        sys.stderr.write(done.stderr)
        state = json.loads(self._updater("status").stdout)
        said = subprocess.run(
            [self._root / "current" / "bin" / "omega-brain", "--version"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        with BrainClient(self.socket) as brain:
            events = brain.get_stats().events
        slot, version = str(state["slot"]), said.stdout.strip()
        step = Step(name, done.returncode, seconds, slot, version, events)
        if version != state["version"]:
            step.faults.append(f"the updater says that {state['version']} runs")
        if events != self.watched:
            step.faults.append(f"{self.watched} viewings were answered")
        return step

    def watch(self, titles: list[Content]) -> None:
        """Brings titles and has some of them watched, more each time."""
        with BrainClient(self.socket) as brain:
            contents = [content_to_proto(title) for title in titles]
            brain.upsert_contents(brain_pb.UpsertContentsRequest(contents=contents))
            for title in titles[self.watched : self.watched + _WATCHED]:
                event = brain_pb.ObserveEventRequest(
                    event_id=f"viewing-{self.watched}",
                    content_id=title.content_id,
                    watch_percentage=1.0,
                )
                brain.observe_event(event)
                self.watched += 1

    def listed(self) -> list[str]:
        """What the household would be shown."""
        with BrainClient(self.socket) as brain:
            answer = brain.get_recommendations(brain_pb.GetRecommendationsRequest(limit=10))
        return [each.content_id for each in answer.recommendations]

    def shares_model(self) -> bool:
        """Whether both slots hold the same files of one model."""
        one, other = (
            {path.stat().st_ino for path in (self._root / slot / "cache").rglob("*.onnx")}
            for slot in "ab"
        )
        return bool(one) and one == other

    def stop(self) -> None:
        """Ends the brain."""
        subprocess.run([self._folder / "stop"], check=True)

    def _updater(self, *words: str) -> subprocess.CompletedProcess[str]:
        places = {
            "--root": self._root,
            "--state": self._folder / "update",
            "--environment": self._environment,
            "--start": self._folder / "start",
            "--stop": self._folder / "stop",
        }
        command = [str(UPDATER), *(str(w) for pair in places.items() for w in pair), *words]
        return subprocess.run(
            [sys.executable, *command], capture_output=True, text=True, check=False
        )


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
        tv.watch(titles)
        before = tv.listed()
        steps.append(tv.update(f"{better.version}, without, {better.megabytes:.0f} MB", better))
        if tv.listed() != before:
            steps[-1].faults.append("the household's list is another one")
        if not tv.shares_model():
            steps[-1].faults.append("the slots do not share the model")
        tv.watch(titles)
        before = tv.listed()
        steps.append(tv.update(f"{bad.version}, which spoils the database and ends", bad))
        if tv.listed() != before:
            steps[-1].faults.append("the household's list is another one")
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

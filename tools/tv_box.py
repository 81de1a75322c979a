"""A TV in a folder that deploy/tv/omega_update.py updates, with its brain and its household."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from tv_release import Archive

from omega.brain.v1 import brain_service_pb2 as brain_pb
from omega_client import BrainClient
from omega_core.content import Content
from omega_delta import content_to_proto

UPDATER = Path(__file__).parents[1] / "deploy" / "tv" / "omega_update.py"
LISTED = 10
"""Titles that a household asks for."""
_WATCHED = 5
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

    def household(self) -> tuple[list[tuple[object, ...]], list[str]]:
        """Its viewings and titles."""
        place = f"file:{self._folder}/household/brain.db?mode=ro"
        with closing(sqlite3.connect(place, uri=True)) as database:
            viewings = database.execute("SELECT * FROM events ORDER BY seq").fetchall()
            titles = database.execute("SELECT content_id FROM contents ORDER BY 1").fetchall()
        return viewings, [title for (title,) in titles]

    def lists(self) -> int:
        """Titles that it is shown."""
        with BrainClient(self.socket) as brain:
            answer = brain.get_recommendations(brain_pb.GetRecommendationsRequest(limit=LISTED))
        return len(answer.recommendations)

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

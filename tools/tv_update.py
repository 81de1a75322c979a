"""Drives the update of a TV for real: good releases, and each way in which one can be bad."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tarfile
import time
import uuid
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from omega.brain.v1 import brain_service_pb2 as pb
from omega_client import BrainClient, ServiceError
from omega_core.catalogue_file import read_catalogue
from omega_delta import content_to_proto
from omega_testing.previous_release import local_needs

ROOT = Path(__file__).parents[1]
PROGRAM = ROOT / "deploy" / "tv" / "omega_update.py"
_SECONDS, _STEADY = 30, 8
_FIRST = """
import sys
def main():
    if sys.argv[1:]:
        from omega_brain.__main__ import main as whole
        return whole()
"""
_MIGRATED = """
    import os, sqlite3, time
    from omega_persistence import migrate
    path = os.path.join(os.environ["OMEGA_BRAIN_STORAGE_PATH"], "brain.db")
    migrate.migrate(sqlite3.connect(path, isolation_level=None), migrate.shipped())
"""
HANGS = _FIRST + _MIGRATED + "    time.sleep(3600)\n"
"""Changes the schema, and never serves."""
ENDS = _FIRST + "    return 70\n"
"""Ends at once and changes nothing."""
DIES = _FIRST + (
    "    import os, threading\n"
    "    threading.Timer(6, os._exit, (70,)).start()\n"
    "    from omega_brain.__main__ import main as whole\n"
    "    return whole()\n"
)
"""Changes the schema, serves, and ends a moment later."""


@dataclass
class Step:
    """One update."""

    name: str
    """What was installed, or what happened."""
    wanted: int
    """Exit code of the program that is right."""
    code: int = 0
    """The one that it had."""
    version: str = ""
    """Of the brain that serves then."""
    wanted_version: str = ""
    """The right one."""
    schema: int = 0
    """Version of the schema of the household's database."""
    wanted_schema: int = 0
    """The right one."""
    kept: int = 0
    """Viewings there that were acknowledged by a release that was kept."""
    acknowledged: int = 0
    """All of those: must be as many."""
    faults: list[str] = field(default_factory=list)
    """What was wrong beside that, a sentence each."""

    def ok(self) -> bool:
        """Whether all is as it must be."""
        return (
            (self.code, self.version, self.schema, self.kept)
            == (self.wanted, self.wanted_version, self.wanted_schema, self.acknowledged)
            and self.acknowledged > 0
            and not self.faults
        )


class Releases:
    """Archives of this tree's brain, and of changed ones.

    Args:
        folder: where they are made.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._wheels = folder / "wheels"
        environ_needs = local_needs(ROOT, ["omega-brain"])
        _pip("wheel", "hnswlib", "-w", str(self._wheels))
        _pip("wheel", "--no-build-isolation", *environ_needs, "-w", str(self._wheels))

    def archive(self, version: str, *, migrations: int = 0, broken: str = "") -> tuple[Path, str]:
        """An archive and its SHA-256.

        Args:
            version: of the brain in it.
            migrations: steps of the schema that it adds.
            broken: source of what its command does in place of serving.
        """
        place = self._folder / version
        shutil.copytree(self._wheels, place / "wheels")
        changed = {"omega_brain": "services/brain", "omega_persistence": "libs/omega_persistence"}
        for name, folder in changed.items():
            tree = place / name
            shutil.copytree(ROOT / folder, tree, ignore=shutil.ignore_patterns("__pycache__"))
            project = tree / "pyproject.toml"
            lines = project.read_text("utf-8").splitlines(keepends=True)
            project.write_text(
                "".join(
                    f'version = "{version}"\n' if x.startswith("version =") else x for x in lines
                )
            )
            if name == "omega_brain":
                _brain(tree, broken)
            else:
                _schema(tree, migrations)
            for wheel in (place / "wheels").glob(f"{name}-*.whl"):
                wheel.unlink()
            _pip("wheel", "--no-build-isolation", "--no-deps", str(tree), "-w", f"{place}/wheels")
            shutil.rmtree(tree)
        (place / "release.json").write_text(json.dumps({"version": version}))
        archive = self._folder / f"{version}.tar"
        with tarfile.open(archive, "w") as file:
            for path in (place / "release.json", place / "wheels"):
                file.add(path, path.relative_to(place))
        shutil.rmtree(place)
        return archive, hashlib.sha256(archive.read_bytes()).hexdigest()


class Tv:
    """A TV without systemd: two scripts start and stop its brain.

    Args:
        folder: short, since a unix socket is in it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.slots = folder / "slots"
        self.slots.mkdir()
        self.storage = folder / "storage"
        self._address = f"unix:{folder}/brain.sock"
        self._environment = folder / "brain.env"
        self._environment.write_text(
            f"OMEGA_BRAIN_LISTEN={self._address}\n"
            f"OMEGA_BRAIN_STORAGE_PATH={self.storage}\n"
            f"OMEGA_CACHE_DIR={self.slots}/current/cache\n"
            "OMEGA_BRAIN_ENCODER=lexical\n"
            "OMEGA_BRAIN_CONSTELLATION_URL=\n"
        )
        self._pid = folder / "pid"
        self._start, self._stop = folder / "start", folder / "stop"
        self._start.write_text(
            "#!/bin/sh\nset -a\n"
            f". {self._environment}\n"
            f"setsid {self.slots}/current/bin/omega-brain </dev/null >>{folder}/log 2>&1 &\n"
            f"echo $! >{self._pid}\n"
        )
        self._stop.write_text(
            f"#!/bin/sh\n[ -e {self._pid} ] || exit 0\npid=$(cat {self._pid})\n"
            "kill -TERM $pid 2>/dev/null\n"
            "while [ -d /proc/$pid ] && ! grep -q '^State:.Z' /proc/$pid/status\n"
            "do sleep 0.05; done\n"
            f"rm -f {self._pid}\n"
        )
        for script in (self._start, self._stop):
            script.chmod(0o755)
        self.watched: set[str] = set()
        self._titles = read_catalogue(ROOT / "data" / "sample" / "titles.jsonl")[:80]

    def update(self, *words: str, wait: bool = True) -> subprocess.Popen[str]:
        """Runs the program."""
        command = [sys.executable, str(PROGRAM), "--root", str(self.slots)]
        command += ["--state", str(self.folder / "update"), "--environment", str(self._environment)]
        command += ["--start", str(self._start), "--stop", str(self._stop)]
        command += ["--seconds", str(_SECONDS), "--steady", str(_STEADY), *words]
        environ = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        process = subprocess.Popen(
            command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        if wait:
            process.wait()
        return process

    def evening(self) -> None:
        """The household watches; every viewing is acknowledged."""
        with BrainClient(self._address, timeout=30) as client:
            contents = [content_to_proto(each) for each in self._titles]
            client.upsert_contents(pb.UpsertContentsRequest(contents=contents))
            for title in self._titles[:5]:
                event = str(uuid.uuid4())
                client.observe_event(
                    pb.ObserveEventRequest(
                        event_id=event, content_id=title.content_id, watch_percentage=1.0
                    )
                )
                self.watched.add(event)

    def serving(self) -> str:
        """Version of the brain that serves; empty = none does."""
        try:
            with BrainClient(self._address, timeout=5) as client:
                client.get_recommendations(pb.GetRecommendationsRequest())
        except ServiceError:
            return ""
        found = json.loads(self.update("status").communicate()[0])
        return str(found["version"])

    def look(self, step: Step) -> None:
        """Writes down what is there."""
        step.version = self.serving()
        database = f"file:{self.storage / 'brain.db'}?mode=ro"
        with closing(sqlite3.connect(database, uri=True)) as conn:
            held = {event for (event,) in conn.execute("SELECT event_id FROM events")}
            (step.schema,) = conn.execute("PRAGMA user_version").fetchone()
        step.kept, step.acknowledged = len(held & self.watched), len(self.watched)
        if (self.folder / "update" / "before.db").exists():
            step.faults.append("a copy of the household was left behind")

    def stop(self) -> None:
        """Ends the brain."""
        subprocess.run([str(self._stop)], check=True)


def drive(folder: Path, say: Callable[[str], None]) -> list[Step]:
    """Every update."""
    say("wheels of the brain and all that it needs")
    releases, tv = Releases(folder / "made"), Tv(folder / "tv")
    first = len(list((ROOT / "libs/omega_persistence").rglob("migrations/0*.sql")))
    steps: list[Step] = []

    def install(
        name: str,
        version: str,
        code: int,
        then: tuple[str, int],
        *,
        kill: bool = False,
        **made: object,
    ) -> None:
        say(name)
        step = Step(name, code, wanted_version=then[0], wanted_schema=then[1])
        archive, digest = releases.archive(version, **made)  # type: ignore[arg-type]  # as archive()
        words = ("install", str(archive), "--sha256", digest)
        process = tv.update(*words, wait=not kill)
        if kill:
            _until_checking(tv)
            process.send_signal(signal.SIGKILL)
            process.wait()
            process.communicate()
            process = tv.update("recover")
        step.code = process.returncode
        said = process.communicate()[0]
        archive.unlink()
        if step.code == code == 0:
            tv.evening()
        tv.look(step)
        if not step.ok():
            step.faults.append(said.strip())
        steps.append(step)

    try:
        install("the first release", "9.0.0", 0, ("9.0.0", first))
        install("a good one, new schema", "9.1.0", 0, ("9.1.0", first + 1), migrations=1)
        good = ("9.1.0", first + 1)
        install("changes the schema and never serves", "9.2.0", 2, good, migrations=2, broken=HANGS)
        install("ends at once", "9.3.0", 2, good, migrations=1, broken=ENDS)
        install("serves and dies", "9.4.0", 2, good, migrations=2, broken=DIES)
        install(
            "the power is cut meanwhile", "9.5.0", 2, good, kill=True, migrations=2, broken=HANGS
        )
        install("a good one after all of them", "9.6.0", 0, ("9.6.0", first + 2), migrations=2)
        steps.append(_damaged(tv, releases, first + 2))
    finally:
        tv.stop()
    return steps


def _damaged(tv: Tv, releases: Releases, schema: int) -> Step:
    """An archive that is not what the digest names: the brain goes on without a pause."""
    step = Step("a damaged archive", 1, wanted_version="9.6.0", wanted_schema=schema)
    archive, _ = releases.archive("9.7.0")
    process = tv.update("install", str(archive), "--sha256", "0" * 64)
    step.code = process.returncode
    process.communicate()
    tv.look(step)
    return step


def _until_checking(tv: Tv) -> None:
    """Waits until the new release has been started, and changed the database."""
    deadline = time.monotonic() + 300
    state = tv.folder / "update" / "update.json"
    while time.monotonic() < deadline:
        if state.exists() and json.loads(state.read_text())["phase"] == "checking":
            time.sleep(4)
            return
        time.sleep(0.1)
    raise TimeoutError("the update did not come to its check")


def _brain(tree: Path, broken: str) -> None:
    if broken:
        (tree / "src" / "omega_brain" / "broken.py").write_text(broken)
        project = tree / "pyproject.toml"
        whole = project.read_text("utf-8")
        project.write_text(whole.replace("omega_brain.__main__:main", "omega_brain.broken:main"))


def _schema(tree: Path, more: int) -> None:
    folder = tree / "src" / "omega_persistence" / "migrations"
    first = len(list(folder.glob("0*.sql"))) + 1
    for number in range(first, first + more):
        statement = f"CREATE TABLE later_{number} (x INTEGER) STRICT;\n"
        (folder / f"{number:04}_later.sql").write_text(statement)


def _pip(*words: str) -> None:
    command = [sys.executable, "-m", "pip", *words, "-q", "--disable-pip-version-check"]
    environ = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        [*command, "-c", str(ROOT / "constraints.txt")],
        env={**environ, "HNSWLIB_NO_NATIVE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"pip {words[0]} failed:\n{done.stderr[-3_000:]}")

#!/usr/bin/python3
"""Puts a release of the brain, and its model, into the other of two slots, and takes it back.

omega-update install ARCHIVE --sha256 DIGEST
    fills the slot that is not in use, stops the brain, keeps a copy of the household's database,
    switches, starts, and asks whether it serves. One that does not serve in time, or stops serving
    soon, is taken back; the copy is put back where the new release changed the database's schema.
omega-update recover
    ends what a power cut interrupted; run it at each start of the TV.
omega-update status
    prints what runs and how the last update ended, as JSON.

An archive is a tar with wheels/*.whl, all that the brain needs, and release.json with its version;
with cache/ it brings another model, in the form of OMEGA_CACHE_DIR. Who made it, whoever passes the
digest has to know: it comes with the TV's own signed updates.

Exit codes: 0 done, 1 refused before anything was changed, 2 taken back, 3 nothing serves, 4 to be
ended by `recover`.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from io import BufferedReader
from pathlib import Path, PurePosixPath
from typing import IO, Any, NoReturn

DONE, REFUSED, TAKEN_BACK, NOTHING_SERVES, INTERRUPTED = range(5)
SLOTS = ("a", "b")
POLL_SECONDS = 0.5
MOST_FAILURES = 2
"""In a row, after it has served."""
SLOT_RATIO = 4
"""A slot, while it is filled, to its archive."""
LONGEST_VERSION = 64
"""Characters."""
COMMAND_SECONDS = 120
INSTALL_SECONDS = 1800
FAILURES = (OSError, ValueError, subprocess.SubprocessError)
"""What a step of an update fails with."""
UNFIT = (*FAILURES, EOFError, tarfile.TarError)
"""What an archive that does not fit fails with."""
STORAGE = "OMEGA_BRAIN_STORAGE_PATH"
"""Variable that names the folder of the household."""
SCHEMA = """
import sqlite3, sys
print(sqlite3.connect(sys.argv[1], uri=True).execute("PRAGMA user_version").fetchone()[0])
"""
# The brain's user may write to the copy, and to nothing beside it: there is no place for a journal.
KEEP_COPY = """
import sqlite3, sys
source, copy = (sqlite3.connect(word, uri=True) for word in sys.argv[1:])
copy.execute("PRAGMA journal_mode = OFF")
source.backup(copy)
copy.close()
"""
RESTORE = """
import sys
from pathlib import Path
from omega_core.clock import SystemClock
from omega_persistence import restore
restore(Path(sys.argv[1]), Path(sys.argv[2]), clock=SystemClock())
"""


PHASES = ("switching", "checking", "taking back", "done")
OUTCOMES = ("updated", "taken back")
STATE: dict[str, Callable[[Any], bool]] = {
    "phase": lambda value: value in PHASES,
    "before": lambda value: value in (None, *SLOTS),
    "slot": lambda value: value in SLOTS,
    "schema": lambda value: type(value) is int and value >= 0,
    "outcome": lambda value: value in (None, *OUTCOMES),
}
"""Fields of update.json, and what each may hold."""


class Refused(Exception):  # noqa: N818 - it is an answer
    """Nothing was changed, and why."""


class Update:
    """One TV.

    Args:
        arguments: of the command line.
    """

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.root: Path = arguments.root
        self.environ = {**os.environ, **read_environment(arguments.environment)}
        if not self.environ.get(STORAGE):
            raise ValueError(f"{STORAGE} must be set in {arguments.environment}")
        self.storage = Path(self.environ[STORAGE])
        self.folder: Path = arguments.state
        self.copy = self.folder / "before.db"
        self.start_command, self.stop_command = arguments.start, arguments.stop
        self.seconds, self.steady = arguments.seconds, arguments.steady
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        owner = (self.storage if self.storage.exists() else self.folder).stat()
        # What is the household's is touched as the brain's user, whoever runs this.
        other = os.geteuid() == 0 and owner.st_uid != 0
        self.user = (owner.st_uid, owner.st_gid) if other else None
        self._own_folder()
        self.state: dict[str, Any] = {}

    def _own_folder(self) -> None:
        """The brain's user reaches the copy in it by its name, and makes and lists nothing."""
        folder = os.open(self.folder, os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            if self.user:
                os.fchown(folder, os.geteuid(), self.user[1])
                os.fchmod(folder, 0o710)
        finally:
            os.close(folder)

    def lock(self) -> IO[str]:
        """Waits until no other call is at work; closing it lets the next one in."""
        lock = opened(self.folder / "lock", os.O_WRONLY | os.O_CREAT)
        fcntl.flock(lock, fcntl.LOCK_EX)
        return lock

    def read(self) -> None:
        """Reads what is written down; the lock is held from before on."""
        try:
            file = opened(self._state_file, os.O_RDONLY)
        except FileNotFoundError:
            return
        with file:
            self.state = checked(read_object("update.json", file.read()))

    def install(self, archive: Path, digest: str) -> int:
        """Updates, or takes back what does not serve; the exit code."""
        if self.state.get("phase") not in (None, "done"):
            raise Refused("an update was interrupted: omega-update recover")
        with refusing("the update cannot begin"):
            before = self._current()
            slot = SLOTS[1] if before == SLOTS[0] else SLOTS[0]
            self._fill(slot, before, archive, digest)
            self._note(phase="switching", before=before, slot=slot, schema=self._schema())
        try:
            self._stop()
            self._note(schema=self._schema())
            self._keep_copy()
            self._switch(slot)
            self._note(phase="checking")
        except FAILURES as error:
            print(f"omega-update: {told(error)}", file=sys.stderr, flush=True)
            return self._take_back()
        self._start()
        return self._judge()

    def recover(self) -> int:
        """Ends an update that was interrupted; the exit code."""
        phase = self.state.get("phase", "done")
        if phase == "done":
            return DONE
        if phase == "taking back" or not self._switched():
            return self._take_back()
        return self._judge()

    def status(self) -> dict[str, Any]:
        """What runs, and how the last update ended, which may have tried another slot."""
        slot = self._current()
        return {**self.state, "slot": slot, "version": self._version(slot)}

    def _fill(self, slot: str, before: str | None, archive: Path, digest: str) -> None:
        target = self.root / slot
        shutil.rmtree(target, ignore_errors=True)
        try:
            target.mkdir(mode=0o755, parents=True)  # no link that stands there leads elsewhere
            with archive.open("rb") as file:
                self._check(file, digest)
                extract(file, target)
            self._make(target, before)
        except BaseException as error:
            shutil.rmtree(target, ignore_errors=True)
            if isinstance(error, UNFIT):
                raise Refused(f"the release cannot be installed: {told(error)}") from error
            raise
        os.sync()  # the slot is on disk before anything points to it

    def _make(self, target: Path, before: str | None) -> None:
        """Installs what was unpacked, without a network, and has it check the settings."""
        version = read_version(target)
        run([sys.executable, "-m", "venv", str(target)], INSTALL_SECONDS)
        wheels = sorted(map(str, (target / "wheels").glob("*.whl")))
        pip = [str(target / "bin" / "python"), "-m", "pip", "install", "-q", "--no-index"]
        run([*pip, "--no-deps", "--disable-pip-version-check", *wheels], INSTALL_SECONDS)
        shutil.rmtree(target / "wheels")
        model = self.root / (before or "") / "cache"
        if before and model.exists() and not (target / "cache").exists():
            # The same files: a slot is filled once and never written to again.
            shutil.copytree(model, target / "cache", copy_function=os.link)
        run([str(target / "bin" / "omega-brain"), "--check-config"], COMMAND_SECONDS, self.environ)
        print(f"{version} is in slot {target.name}", flush=True)

    def _check(self, file: BufferedReader, digest: str) -> None:
        if hashlib.file_digest(file, "sha256").hexdigest() != digest.lower():
            raise Refused("the archive is not the one that the digest names")
        self._check_room(file.tell())
        file.seek(0)

    def _check_room(self, archive_bytes: int) -> None:
        """Slots, the copy, and what a restore makes may each lie on a file system of its own."""
        places = [(self.root, SLOT_RATIO * archive_bytes)]
        if kept := self._database_bytes():
            places += [(self.folder, kept), (self.storage, kept)]
        needed: dict[int, int] = {}
        for place, need in places:
            device = place.stat().st_dev
            needed[device] = needed.get(device, 0) + need
            if shutil.disk_usage(place).free < needed[device]:
                raise Refused(f"there is no room in {place}: {needed[device]:,} bytes are needed")

    def _judge(self) -> int:
        if self._serves():
            self._end("updated")
            return DONE
        return self._take_back()

    def _take_back(self) -> int:
        """Has the release of before go on; the exit code. May be begun again at any point."""
        before, slot = self.state["before"], self.state["slot"]
        print(f"the release in slot {slot} is taken back", flush=True)
        if self._switched():
            # On a full disk it goes unwritten: a verdict that is begun again ends as well.
            with contextlib.suppress(OSError):
                self._note(phase="taking back")
            self._stop()
            self._turn_back(before)
        else:
            # Nothing of the new release has run, and half a copy may be what filled the disk.
            self.copy.unlink(missing_ok=True)
        serves = before is not None
        if serves:
            self._start()
            serves = self._serves()
        self._end("taken back")
        return TAKEN_BACK if serves else NOTHING_SERVES

    def _turn_back(self, before: str | None) -> None:
        """The link, and the database where the new release changed its schema."""
        if before is None:
            (self.root / "current").unlink(missing_ok=True)
            return
        if self.copy.exists() and self._schema() != self.state["schema"]:
            python = str(self.root / before / "bin" / "python")
            command = [python, "-c", RESTORE, str(self.copy), str(self._database)]
            run(command, INSTALL_SECONDS, env=self.environ, user=self.user)
            print("the database of before the update was put back", flush=True)
        self._switch(before)

    def _switched(self) -> bool:
        return bool(self._current() == self.state["slot"])

    def _serves(self) -> bool:
        """Whether the brain serves within the time, and goes on to."""
        health = [str(self.root / "current" / "bin" / "omega-brain"), "--health"]
        deadline, since, failures = time.monotonic() + self.seconds, 0.0, 0
        while failures < MOST_FAILURES and (since or time.monotonic() < deadline):
            try:
                run(health, COMMAND_SECONDS, self.environ, self.user)
            except (subprocess.SubprocessError, OSError):
                # One answer may be late on a busy TV.
                failures += bool(since)
            else:
                since, failures = since or time.monotonic(), 0
                if time.monotonic() >= since + self.steady:
                    return True
            time.sleep(POLL_SECONDS)
        return False

    def _keep_copy(self) -> None:
        """A copy of the database, for as long as the new release may be taken back."""
        self.copy.unlink(missing_ok=True)
        if not self._database.exists():
            return
        with opened(self.copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL) as copy:
            if self.user:
                os.fchown(copy.fileno(), *self.user)
        self._ask(KEEP_COPY, uri(self._database, "ro"), uri(self.copy, "rw"))
        os.sync()

    def _schema(self) -> int:
        """Version of the database's schema; 0 = there is none."""
        if not self._database.exists():
            return 0
        return int(self._ask(SCHEMA, uri(self._database, "ro")))

    def _ask(self, code: str, *words: str) -> str:
        """What a few lines of Python print, which run as the brain's user."""
        return run([sys.executable, "-I", "-c", code, *words], INSTALL_SECONDS, user=self.user)

    def _switch(self, slot: str) -> None:
        """Points to a slot, at once: whoever looks sees the one or the other."""
        fresh = self.root / "current.new"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(slot)
        fresh.replace(self.root / "current")
        os.sync()

    def _current(self) -> str | None:
        """The slot that runs; None = nothing was installed yet."""
        link = self.root / "current"
        if not link.is_symlink():
            return None
        slot = str(link.readlink())
        if slot not in SLOTS or (self.root / slot).is_symlink():
            raise ValueError(f"{link} must point to a slot, {' or '.join(SLOTS)}; it is {slot}")
        return slot

    def _version(self, slot: str | None) -> str | None:
        return read_version(self.root / slot) if slot else None

    def _start(self) -> None:
        with contextlib.suppress(subprocess.SubprocessError):  # health tells what became of it
            run(self.start_command, COMMAND_SECONDS)

    def _stop(self) -> None:
        run(self.stop_command, COMMAND_SECONDS)

    def _end(self, outcome: str) -> None:
        # A copy of a household outlives no update: erasing it reaches the brain's folder alone.
        self.copy.unlink(missing_ok=True)
        self._note(phase="done", outcome=outcome)
        print(outcome, flush=True)

    def _note(self, **changes: str | int | None) -> None:
        self.state.update(changes)
        fresh = self._state_file.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        with opened(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL) as file:
            json.dump(self.state, file)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._state_file)
        os.sync()

    def _database_bytes(self) -> int:
        """With what its log holds."""
        files = (self._database, self._database.with_name("brain.db-wal"))
        return sum(file.stat().st_size for file in files if file.exists())

    @property
    def _database(self) -> Path:
        return self.storage / "brain.db"

    @property
    def _state_file(self) -> Path:
        return self.folder / "update.json"


def extract(file: BufferedReader, target: Path) -> None:
    """Unpacks plain files and folders below the target, and nothing else."""
    with tarfile.open(fileobj=file) as archive:
        for member in archive:
            path = PurePosixPath(member.name)
            if path.is_absolute() or ".." in path.parts or not (member.isfile() or member.isdir()):
                raise Refused(f"the archive holds {member.name}")
            place = target / path
            if member.isdir():
                place.mkdir(parents=True, exist_ok=True)
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            source = archive.extractfile(member)
            if source is None:
                raise Refused(f"the archive holds {member.name}")
            with source, place.open("wb") as copy:
                shutil.copyfileobj(source, copy)


def opened(path: Path, flags: int) -> IO[str]:
    """A file of this program's own folder: no link, and nobody else's to read."""
    descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    return os.fdopen(descriptor, "w" if flags & os.O_WRONLY else "r")


def read_object(name: str, text: str) -> dict[str, Any]:
    """What a file of that name holds.

    Raises:
        ValueError: it is no JSON object.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{name} must be JSON: {error}") from error
    if isinstance(found, dict):
        return found
    raise ValueError(f"{name} must be a JSON object")


def read_version(slot: Path) -> str:
    """Of the release in a slot.

    Raises:
        ValueError: its release.json is of no use; the text names the field.
        OSError: it cannot be read.
    """
    version = read_object("release.json", (slot / "release.json").read_text()).get("version")
    if isinstance(version, str) and version.isprintable() and 0 < len(version) <= LONGEST_VERSION:
        return version
    bound = f"1 to {LONGEST_VERSION} printable characters"
    raise ValueError(f"release.json: version must be {bound}; it is {version!r}")


def uri(path: Path, mode: str) -> str:
    """How SQLite is told of a file."""
    return f"{path.absolute().as_uri()}?mode={mode}"


def checked(state: dict[str, Any]) -> dict[str, Any]:
    """What this program wrote down, and nothing that it does not write.

    Raises:
        ValueError: it is something else; the text names the field.
    """
    for field, fits in STATE.items():
        if not fits(state.get(field)):
            raise ValueError(f"update.json: {field} cannot be {state.get(field)!r}")
    return state


def read_environment(path: Path) -> dict[str, str]:
    """VARIABLE=value lines of systemd's form, without its quoting."""
    lines = path.read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and line[0] not in "#;")


def run(
    command: Sequence[str],
    seconds: float,
    env: Mapping[str, str] | None = None,
    user: tuple[int, int] | None = None,
) -> str:
    """Runs a command; what it printed. What it complained of is the error when it fails."""
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
        timeout=seconds,
        env=env,
        user=user and user[0],
        group=user and user[1],
        extra_groups=[] if user else None,
    ).stdout


def told(error: Exception) -> str:
    """An error in one line."""
    said = (getattr(error, "stderr", "") or str(error)).strip().splitlines()
    return said[-1] if said else type(error).__name__


@contextlib.contextmanager
def refusing(what: str) -> Iterator[None]:
    """Where nothing was changed yet: whatever does not fit is a reason to refuse."""
    try:
        yield
    except UNFIT as error:
        raise Refused(f"{what}: {told(error)}") from error


class Parser(argparse.ArgumentParser):
    """A command line that is wrong is refused: the usual 2 means something else here."""

    def error(self, message: str) -> NoReturn:
        """Says what is wrong."""
        self.exit(REFUSED, f"{self.prog}: {message}\n")


def main() -> int:
    """Runs one command; returns its exit code."""
    parser = Parser("omega-update", description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, default=Path("/opt/omega-tv"), help="of the slots")
    parser.add_argument(
        "--state", type=Path, default=Path("/var/lib/omega-tv/update"), help="of this program"
    )
    parser.add_argument(
        "--environment", type=Path, default=Path("/etc/omega-tv/brain.env"), help="of the brain"
    )
    for name in ("start", "stop"):
        default = f"systemctl {name} omega-brain.service"
        parser.add_argument(f"--{name}", type=shlex.split, default=default, help="the brain's")
    parser.add_argument("--seconds", type=float, default=60, help="until it has to serve")
    parser.add_argument("--steady", type=float, default=20, help="for which it has to go on")
    commands = parser.add_subparsers(dest="command", required=True)
    install = commands.add_parser("install")
    install.add_argument("archive", type=Path)
    install.add_argument("--sha256", required=True)
    commands.add_parser("recover")
    commands.add_parser("status")
    arguments = parser.parse_args()
    try:
        with contextlib.ExitStack() as stack:
            with refusing("nothing was tried"):
                update = Update(arguments)
                stack.enter_context(update.lock())
                update.read()
            if arguments.command == "status":
                with refusing("what runs cannot be told"):
                    print(json.dumps(update.status()))
                return DONE
            if arguments.command == "recover":
                return update.recover()
            return update.install(arguments.archive, arguments.sha256)
    except Refused as error:
        print(f"omega-update: {error}", file=sys.stderr)
        return REFUSED
    except FAILURES as error:
        # What was begun stays written down.
        print(f"omega-update: {told(error)}; omega-update recover ends it", file=sys.stderr)
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())

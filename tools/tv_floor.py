"""Starts the brain as on the smallest TV, 64-bit ARM, under qemu, and counts its instructions."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from omega.brain.v1 import brain_service_pb2 as pb
from omega_client import BrainClient, ServiceError
from omega_core.catalogue_file import read_catalogue
from omega_delta import content_to_proto
from omega_testing.previous_release import local_needs

ROOT = Path(__file__).parents[1]
MISSING = (
    "qemu and a compiler for ARM are missing: apt-get install -y --no-install-recommends"
    " qemu-user g++ g++-aarch64-linux-gnu"
)
MOST_RATIO = 2.0
"""More instructions on ARM than that, for the same work, would be a fault of a build."""
_PYTHON = "python3.11"
_PACKAGES = (f"{_PYTHON}-minimal", f"lib{_PYTHON}-stdlib", "libstdc++6")
_TITLES, _ANSWERS = 300, 20
_START_SECONDS = 400.0


@dataclass(frozen=True)
class Machine:
    """A processor."""

    debian: str
    """As Debian names it."""
    elf: str
    """As wheels and qemu name it."""
    compiler: str
    """Makes programs for it."""


MACHINES = (
    Machine("amd64", "x86_64", "x86_64-linux-gnu-g++"),
    Machine("arm64", "aarch64", "aarch64-linux-gnu-g++"),
)


@dataclass(frozen=True)
class Floor:
    """What was counted on one."""

    machine: str
    """Its name."""
    start: int
    """Instructions from nothing to SERVING and a clean stop."""
    answer: int
    """Of one list."""
    seconds: float
    """Until it served, under qemu and the count."""
    titles: int
    """In a list that it gave."""

    def ok(self) -> bool:
        """Whether it served, answered and stopped."""
        return self.start > 0 and self.answer > 0 and self.titles > 0


def missing() -> bool:
    """Whether a program is not there."""
    programs = ["gcc", "apt-get", "dpkg-deb", *(m.compiler for m in MACHINES)]
    programs += [f"qemu-{m.elf}" for m in MACHINES]
    return any(shutil.which(name) is None for name in programs)


def measure(folder: Path, say: Callable[[str], None]) -> list[Floor]:
    """Both machines, in their order."""
    count = folder / "count.so"
    _run("gcc", "-O2", "-shared", "-fPIC", "-o", str(count), str(ROOT / "tools" / "tv_count.c"))
    wheels = folder / "wheels"
    source = _pip("wheel", "--no-deps", "--no-build-isolation", "-w", str(wheels))
    source(*local_needs(ROOT, ["omega-brain"]))
    found = []
    for machine in MACHINES:
        say(f"a brain for {machine.elf}")
        place = folder / machine.elf
        root, site = _root(place, machine), place / "site"
        _index(place, wheels, root, machine)
        platforms = [f"manylinux_2_{n}_{machine.elf}" for n in (28, 27, 24, 17)]
        platforms += [f"manylinux2014_{machine.elf}", f"linux_{machine.elf}"]
        named = [word for name in platforms for word in ("--platform", name)]
        install = _pip("install", "--target", str(site), "--only-binary=:all:", *named)
        install("--python-version", "3.11", "--find-links", str(wheels), "omega-brain")
        found.append(_count(place, root, site, count, machine, say))
    return found


def _root(place: Path, machine: Machine) -> Path:
    """Debian's Python for a machine, unpacked: nothing of it is installed here."""
    apt = place / "apt"
    for name in ("state/lists/partial", "cache/archives/partial"):
        (apt / name).mkdir(parents=True)
    (apt / "status").touch()
    settings = {
        "Dir::State": apt / "state",
        "Dir::State::status": apt / "status",
        "Dir::Cache": apt / "cache",
        "APT::Architecture": machine.debian,
        "APT::Architectures": machine.debian,
        "APT::Sandbox::User": "root",
    }
    options = [word for key, value in settings.items() for word in ("-o", f"{key}={value}")]
    _run("apt-get", "-q", *options, "update")
    install = ("install", "--download-only", "-y", "--no-install-recommends")
    _run("apt-get", "-q", *options, *install, *_PACKAGES)
    archives = apt / "cache" / "archives"
    _run("apt-get", "-q", *options, "download", f"lib{_PYTHON}-dev", folder=archives)
    root = place / "root"
    for package in sorted(archives.glob("*.deb")):
        _run("dpkg-deb", "-x", str(package), str(root))
    return root


def _index(place: Path, wheels: Path, root: Path, machine: Machine) -> None:
    """The vector index has no wheel anywhere: it is built for the machine, and becomes one."""
    pinned = next(
        line
        for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines()
        if line.startswith("hnswlib==")
    )
    version = pinned.partition("==")[2]
    _pip("download", "--no-deps", "--no-binary", "hnswlib", "-d", str(place))(pinned)
    (archive,) = place.glob("hnswlib-*.tar.gz")
    shutil.unpack_archive(archive, place)
    (tree,) = (path for path in place.glob("hnswlib-*") if path.is_dir())
    _pip("download", "--no-deps", "-d", str(place))("pybind11")
    (headers,) = place.glob("pybind11-*.whl")
    shutil.unpack_archive(headers, place / "pybind11", "zip")
    tag = f"cp311-cp311-linux_{machine.elf}"
    library = place / f"hnswlib.cpython-311-{machine.elf}-linux-gnu.so"
    include = root / "usr" / "include"
    _run(
        *(machine.compiler, "-O3", "-std=c++14", "-shared", "-fPIC", "-fvisibility=hidden"),
        *(
            f"-I{path}"
            for path in (
                tree / "hnswlib",
                place / "pybind11" / "pybind11" / "include",
                np.get_include(),
                include / _PYTHON,
                include / f"{machine.elf}-linux-gnu" / _PYTHON,
                include,
            )
        ),
        f'-DVERSION_INFO="{version}"',
        str(tree / "python_bindings" / "bindings.cpp"),
        *("-o", str(library), "-lpthread"),
    )
    facts = f"hnswlib-{version}.dist-info"
    with zipfile.ZipFile(wheels / f"hnswlib-{version}-{tag}.whl", "w") as wheel:
        wheel.write(library, library.name)
        wheel.writestr(
            f"{facts}/METADATA", f"Metadata-Version: 2.1\nName: hnswlib\nVersion: {version}\n"
        )
        wheel.writestr(
            f"{facts}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: {tag}\n"
        )
        wheel.writestr(f"{facts}/RECORD", "")


def _count(
    place: Path, root: Path, site: Path, count: Path, machine: Machine, say: Callable[[str], None]
) -> Floor:
    """A first start that takes titles, one that only starts, and one that answers, too."""
    brain = _Brain(place, root, site, count, machine)
    say("  its first start, which takes titles")
    brain.run(_fill)
    say("  a start")
    start, seconds, _ = brain.run(lambda _: 0)
    say(f"  a start and {_ANSWERS} lists")
    more, _, titles = brain.run(_ask)
    return Floor(machine.elf, start, (more - start) // _ANSWERS, seconds, titles)


class _Brain:
    """One on a foreign machine."""

    def __init__(self, place: Path, root: Path, site: Path, count: Path, machine: Machine) -> None:
        self._address = f"unix:{place}/b.sock"
        self._log = place / "log"
        self._command = [
            f"qemu-{machine.elf}",
            "-L",
            str(root),
            "-plugin",
            str(count),
            "-d",
            "plugin",
        ]
        self._command += [str(root / "usr" / "bin" / _PYTHON), "-S", "-c"]
        program = (
            f"import sys; sys.path.insert(0, {str(site)!r}); sys.argv[1:] = [];"
            " from omega_brain.__main__ import main; sys.exit(main())"
        )
        self._command.append(program)
        self._environ = {
            "PATH": os.environ["PATH"],
            "OMEGA_BRAIN_STORAGE_PATH": str(place / "storage"),
            "OMEGA_BRAIN_LISTEN": self._address,
            "OMEGA_BRAIN_ENCODER": "lexical",
            "OMEGA_BRAIN_CONSTELLATION_URL": "",
            "OMEGA_BRAIN_RECOMMEND_TIMEOUT_MS": "10000",
        }

    def run(self, use: Callable[[BrainClient], int]) -> tuple[int, float, int]:
        """Starts, uses and stops it: instructions, seconds until it served, what `use` gave."""
        begun = time.monotonic()
        with self._log.open("wb") as log:
            process = subprocess.Popen(self._command, env=self._environ, stdout=log, stderr=log)
        try:
            with BrainClient(self._address, timeout=_START_SECONDS) as client:
                while not self._serves(client):
                    if process.poll() is not None or time.monotonic() > begun + _START_SECONDS:
                        raise RuntimeError(f"it did not serve:\n{self._log.read_text()[-3_000:]}")
                    time.sleep(0.5)
                seconds = time.monotonic() - begun
                given = use(client)
            process.send_signal(signal.SIGTERM)
            code = process.wait(_START_SECONDS)
        finally:
            process.kill()
            process.wait()
        said = self._log.read_text()
        counted = [line for line in said.splitlines() if line.startswith("instructions ")]
        if code or not counted:
            raise RuntimeError(f"it ended with {code}:\n{said[-3_000:]}")
        return int(counted[-1].split()[1]), seconds, given

    @staticmethod
    def _serves(client: BrainClient) -> bool:
        try:
            client.get_stats()
        except ServiceError:
            return False
        return True


def _fill(client: BrainClient) -> int:
    titles = read_catalogue(ROOT / "data" / "sample" / "titles.jsonl")[:_TITLES]
    contents = [content_to_proto(each) for each in titles]
    client.upsert_contents(pb.UpsertContentsRequest(contents=contents))
    for number, title in enumerate(titles[:10]):
        client.observe_event(
            pb.ObserveEventRequest(
                event_id=f"e{number}", content_id=title.content_id, watch_percentage=1.0
            )
        )
    return 0


def _ask(client: BrainClient) -> int:
    answers = [client.get_recommendations(pb.GetRecommendationsRequest()) for _ in range(_ANSWERS)]
    return len(answers[-1].recommendations)


def _pip(*words: str) -> Callable[..., None]:
    """pip, by the tree's constraints; called with the last words."""
    command = [sys.executable, "-m", "pip", words[0], "-q", "--disable-pip-version-check"]
    command += ["-c", str(ROOT / "constraints.txt"), *words[1:]]
    return lambda *more: _run(*command, *more)


def _run(*command: str, folder: Path | None = None) -> None:
    environ = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        command, env=environ, cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed:\n{done.stdout}{done.stderr}"[-3_000:])

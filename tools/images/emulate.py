"""Runs the brain of an image under qemu, whatever its processor, and counts its instructions."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import tarfile
import tempfile
import time
from pathlib import Path

import grpc
from images.engine import EngineError
from images.plan import ARCHES, PREFIX, PYTHON, USER

from omega_client import BrainClient
from omega_core.closing import Closing
from omega_testing.probe import eventually
from omega_testing.processes import free_port
from omega_testing.supervised import Supervised

INSTALL = "apt-get install -y --no-install-recommends qemu-user gcc libc6-dev"
"""What brings the emulator, and what builds its counter, to a Debian machine."""
_COUNTER = Path(__file__).with_name("count_instructions.c")
_EMULATOR, _COUNT = "emulator", "data/instructions"
_DEVICES = {"null": 3, "urandom": 9}
"""What an engine would give it: minor numbers of character devices."""
_LOADER = "ld-linux-x86-64.so.2"
_START_SECONDS, _STOP_SECONDS = 600.0, 60.0
"""Until it serves, and until it has ended: an emulated processor is slow."""


def emulated(arch: str, archive: Path) -> str:
    """How it was run; where it cannot be, what was looked at instead.

    Args:
        arch: processor of a brain's image.
        archive: its files, as its engine exported them.

    Raises:
        EngineError: qemu is here, and the brain does not serve under it.
    """
    if missing(arch):
        return f"not run ({INSTALL}): ELF heads and wheels were checked"
    with Emulated(arch, archive) as tv:
        return f"under qemu, serving {tv.model} after {tv.seconds:.0f} s"


def missing(arch: str) -> list[str]:
    """Programs without which images for a processor are not emulated here."""
    needed = (f"qemu-{ARCHES[arch].machine}", "cc")
    return [name for name in needed if not shutil.which(name)]


class Emulated(Closing):
    """A brain that serves under qemu; a context manager.

    Its root is the image's, and it runs as the image's user. binfmt_misc is not needed: the brain
    starts no other program, so qemu runs its interpreter.

    Args:
        arch: processor of a brain's image.
        archive: its files, as its engine exported them.

    Raises:
        EngineError: qemu or a compiler is not here, or the brain does not serve.
    """

    def __init__(self, arch: str, archive: Path) -> None:
        machine = ARCHES[arch].machine
        self._folder = Path(tempfile.mkdtemp(prefix="omega-emulated-"))
        self._process: Supervised | None = None
        self.address = f"127.0.0.1:{free_port()}"
        """Where it listens."""
        try:
            self._folder.chmod(0o755)
            self._root = self._folder / "root"
            self._root.mkdir()
            with tarfile.open(archive) as tar:
                tar.extractall(self._root, filter="tar")
            (self._root / "tmp").chmod(0o1777)  # which the filter takes away
            for name, minor in _DEVICES.items():
                os.mknod(self._root / "dev" / name, 0o666 | stat.S_IFCHR, os.makedev(1, minor))
                (self._root / "dev" / name).chmod(0o666)
            _bring(machine, self._root / _EMULATOR)
            began = time.monotonic()
            self._process = self._begin(machine)
            self.model = self._served(self._process)
            """Version of the encoder that it serves with."""
            self.seconds = time.monotonic() - began
            """Until its first answer."""
        except BaseException:
            self._end()
            raise

    def instructions(self) -> int:
        """How many it has executed so far, in all of its threads."""
        return int.from_bytes((self._root / _COUNT).read_bytes(), "little")

    def close(self) -> None:
        """Asks it to end, and removes its root.

        Raises:
            EngineError: it ended with another code than 0.
        """
        said = self._end()
        if said:
            raise EngineError(said)

    def _end(self) -> str:
        """What it said when it did not end well; else empty."""
        code = self._process.stop() if self._process else 0
        said = f"under qemu it ended with {code}: {self._process.tail()}" if self._process else ""
        shutil.rmtree(self._folder, ignore_errors=True)
        return said if code else ""

    def _begin(self, machine: str) -> Supervised:
        log = self._folder / "log"
        return Supervised(
            [
                *(shutil.which("chroot") or "chroot", f"--userspec={USER}:{USER}", str(self._root)),
                *(f"/{_EMULATOR}/{_LOADER}", "--library-path", f"/{_EMULATOR}"),
                *(f"/{_EMULATOR}/qemu-{machine}", "-cpu", "max", "-0", f"{PREFIX}/bin/python"),
                *("-plugin", f"/{_EMULATOR}/{_COUNTER.stem}.so,into=/{_COUNT}"),
                *(f"/usr/bin/python{PYTHON}", f"{PREFIX}/bin/omega-brain"),
            ],
            {
                "OMEGA_BRAIN_LISTEN": self.address,
                "OMEGA_BRAIN_CACHE_DIR": f"{PREFIX}/model",
                "OMEGA_BRAIN_ENCODER": "minilm",
                "OMEGA_BRAIN_CONSTELLATION_URL": "",
                # Slow is no reason for a simpler list.
                "OMEGA_BRAIN_RECOMMEND_TIMEOUT_MS": "10000",
                "PATH": os.defpath,
            },
            output=log,
            log=log,
            directory=self._folder,
            patience=_STOP_SECONDS,
        )

    def _served(self, process: Supervised) -> str:
        def model() -> str:
            try:
                return brain.get_stats().model_version
            except grpc.RpcError as error:
                if process.poll() is not None:
                    raise EngineError(f"it ended under qemu: {process.tail()}") from error
                return ""

        with BrainClient(self.address, timeout=30) as brain:
            try:
                return eventually(model, bool, what="its model", seconds=_START_SECONDS)
            except TimeoutError as error:
                raise EngineError(f"it does not serve under qemu: {process.tail()}") from error


def _bring(machine: str, folder: Path) -> None:
    """Puts qemu, its libraries and its counter into a folder; they are this machine's own."""
    qemu, compiler, ldd = map(_program, (f"qemu-{machine}", "cc", "ldd"))
    folder.mkdir()
    listed = subprocess.run([ldd, qemu], capture_output=True, text=True, check=True).stdout
    for path in (qemu, *(word for word in listed.split() if word.startswith("/"))):
        shutil.copy(path, folder)
    counter = str(folder / f"{_COUNTER.stem}.so")
    command = [compiler, "-shared", "-fPIC", "-O2", "-o", counter, str(_COUNTER)]
    subprocess.run(command, check=True)


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise EngineError(f"{name} is missing: {INSTALL}")
    return found

"""Starts the brain of another processor's image under qemu, where this machine can."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tarfile
import tempfile
import time
from pathlib import Path

import grpc
from images.engine import Engine, EngineError
from images.make import Built
from images.plan import ARCHES, PREFIX, PYTHON, USER

from omega_client import BrainClient, ServiceError
from omega_testing.processes import free_port

_SECONDS = 180.0


def emulated(engine: Engine, built: Built) -> str:
    """How it was run; where it cannot be, what was looked at instead.

    binfmt_misc is not needed: the brain starts no other program, so qemu runs its interpreter.

    Raises:
        EngineError: qemu is here, and the brain does not serve under it.
    """
    qemu = shutil.which(f"qemu-{ARCHES[built.arch].machine}-static")
    if qemu is None:
        return "not run (apt-get install qemu-user-static): ELF heads and wheels were checked"
    with tempfile.TemporaryDirectory(prefix="omega-emulated-") as name:
        root = Path(name) / "root"
        root.mkdir()
        root.parent.chmod(0o755)
        _unpack(engine, built, root)
        shutil.copy(qemu, root / "qemu")
        return _serve(root)


def _unpack(engine: Engine, built: Built, root: Path) -> None:
    container = engine.run("create", built.reference).strip()
    try:
        archive = root.parent / "root.tar"
        engine.run("export", "--output", str(archive), container)
        with tarfile.open(archive) as tar:
            tar.extractall(root, filter="tar")
        archive.unlink()
    finally:
        engine.run("rm", container)


def _serve(root: Path) -> str:
    address = f"127.0.0.1:{free_port()}"
    began = time.monotonic()
    log = root.parent / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                *("chroot", f"--userspec={USER}:{USER}", str(root), "/qemu", "-0"),
                *(f"{PREFIX}/bin/python", f"/usr/bin/python{PYTHON}", f"{PREFIX}/bin/omega-brain"),
            ],
            env={
                "OMEGA_BRAIN_LISTEN": address,
                "OMEGA_BRAIN_CACHE_DIR": f"{PREFIX}/model",
                "OMEGA_BRAIN_ENCODER": "minilm",
                "OMEGA_BRAIN_CONSTELLATION_URL": "",
                "PATH": os.defpath,
            },
            stdout=output,
            stderr=output,
        )
    try:
        with BrainClient(address, timeout=30) as brain:
            while True:
                try:
                    stats = brain.get_stats()
                    break
                except (ServiceError, grpc.RpcError) as error:
                    if process.poll() is not None or time.monotonic() - began > _SECONDS:
                        said = log.read_text("utf-8", errors="replace")[-2_000:]
                        raise EngineError(f"it does not serve under qemu: {said}") from error
                    time.sleep(0.5)
        seconds = time.monotonic() - began
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            code = process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
    if code:
        raise EngineError(f"under qemu it ended with {code}")
    return f"under qemu, serving {stats.model_version} after {seconds:.0f} s"

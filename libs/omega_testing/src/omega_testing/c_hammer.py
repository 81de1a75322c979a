"""A hundred threads of the C library at once, while the brain is killed and comes back."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from omega_testing.c_build import HEADER, ROOT, Built
from omega_testing.c_household import Home

SOURCE = ROOT / "tests" / "sdk" / "hammer.c"
MAY_COME = {"list": {0, -2}, "event": {0, -3}, "json": {0, -2, -8}, "init": {0, -1}}
"""Function of hammer.c -> codes that it may see."""
MUST_COME = {"list": {0, -2}, "event": {0, -3}}
"""What it sees for sure when the brain was up and was gone."""
_GONE_SECONDS = 0.3


def compiled(built: Built, program: Path, *options: str) -> Path:
    """hammer.c, linked with a build's shared library.

    Args:
        built: the library.
        program: where it is put.
        options: for the compiler, the same sanitizers as the library's.
    """
    command = ["cc", "-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-pthread"]
    command += ["-g", *options, f"-I{HEADER.parent}", str(SOURCE), str(built.library)]
    subprocess.run([*command, f"-Wl,-rpath,{built.folder}", "-o", str(program)], check=True)
    return program


def strike(
    command: Sequence[str | Path], home: Home, up_seconds: Sequence[float], *, patience: float = 60
) -> list[str]:
    """Runs it while the brain is killed and started again; returns what was wrong.

    Args:
        command: of the program, without its arguments.
        home: the brain that it calls; it is another process afterwards.
        up_seconds: how long the brain stays up before each kill.
        patience: seconds that the program has for its last calls and its end.
    """
    with subprocess.Popen(
        [*command, home.storage, home.watched[0]],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as hammer:
        try:
            for seconds in up_seconds:
                time.sleep(seconds)
                home.restart(_GONE_SECONDS)
            time.sleep(1)
            out, errors = hammer.communicate("", timeout=patience)
        except subprocess.TimeoutExpired:
            return [f"it hung: no end within {patience:g} s"]
        finally:
            hammer.kill()
    wrong = [] if (hammer.returncode, errors) == (0, "") else [f"{hammer.returncode}: {errors}"]
    came: dict[str, set[int]] = {}
    for name, code in (line.split() for line in out.splitlines()):
        came.setdefault(name, set()).add(int(code))
    wrong += [
        f"{name}: {sorted(codes - MAY_COME[name])} came"
        for name, codes in came.items()
        if codes - MAY_COME[name]
    ]
    wrong += [
        f"{name}: {sorted(codes - came.get(name, set()))} did not come"
        for name, codes in MUST_COME.items()
        if codes - came.get(name, set())
    ]
    return wrong

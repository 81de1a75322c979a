"""The server's own pg_dump and pg_restore, as processes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import Conninfo

from omega_core.errors import ErrorCode, OmegaError, invalid

FIELD = "--pg-bin"
"""Flag that names the folder; errors name it."""
_VERSION = re.compile(r"\) (\d+)")
_PASSWORD = "password"  # noqa: S105 - the name of a parameter
_KEYS = {"scram_client_key", "scram_server_key"}
"""Secrets that libpq does not mark as such."""


@dataclass(frozen=True)
class Tools:
    """Programs of one release."""

    dump: Path
    """pg_dump."""
    restore: Path
    """pg_restore."""
    major: int
    """Their release, 16 or later."""


def find(folder: Path | None, least: int) -> Tools:
    """The tools in a folder, or on PATH.

    Args:
        folder: where to look; None = on PATH.
        least: release that they must have at least: that of the server.

    Raises:
        OmegaError: INVALID_FIELD `--pg-bin` when they are not there or too old.
    """
    bound = f"the folder of pg_dump and pg_restore of Postgres {least} or later"
    places = [shutil.which(name, path=folder and str(folder)) for name in ("pg_dump", "pg_restore")]
    if None in places:
        raise invalid(FIELD, bound)
    dump, restore = (Path(str(place)) for place in places)
    found = [_major(program) for program in (dump, restore)]
    if min(found) < least or len(set(found)) > 1:
        raise invalid(FIELD, f"{bound}; {dump.parent} has {min(found)}")
    return Tools(dump, restore, found[0])


def _major(program: Path) -> int:
    done = subprocess.run(  # noqa: S603 - the operator's own Postgres
        [program, "--version"], capture_output=True, text=True, check=False
    )
    found = _VERSION.search(done.stdout)
    if done.returncode or not found:
        raise invalid(FIELD, f"of use: {program} --version says {done.stdout or done.stderr!r}")
    return int(found[1])


def run(program: Path, url: str, arguments: list[str], *, told: str = "") -> None:
    """Runs a tool on a database, with `told` as its input. No secret is in its command line.

    Raises:
        OmegaError: INVALID_FIELD for a secret that libpq takes in no other way; STORAGE_UNAVAILABLE
            with what the tool said.
    """
    check_secrets(url)
    parts: dict[str, Any] = dict(conninfo_to_dict(url))
    environ = {**os.environ, "LC_ALL": "C"}
    if _PASSWORD in parts:
        environ["PGPASSWORD"] = str(parts.pop(_PASSWORD))
    done = subprocess.run(  # noqa: S603 - the same
        [str(program), "--no-password", f"--dbname={make_conninfo(**parts)}", *arguments],
        env=environ,
        input=told,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = done.stderr.strip()[-2_000:]
        raise OmegaError(ErrorCode.STORAGE_UNAVAILABLE, detail=f"{program.name}: {said}")


def check_secrets(url: str) -> None:
    """Refuses what a tool could only be told where every user of the machine can read it.

    Raises:
        OmegaError: INVALID_FIELD `--database-url` that names the parameter, not its value.
    """
    hidden = {o.keyword.decode() for o in Conninfo.get_defaults() if o.dispchar == b"*"} | _KEYS
    for name in sorted((hidden - {_PASSWORD}) & conninfo_to_dict(url).keys()):
        bound = f"without {name}, which pg_dump and pg_restore would show in their command line"
        raise invalid("--database-url", bound)


def contents(tools: Tools, file: Path) -> list[str]:
    """Lines of a dump's table of contents, as `pg_restore --use-list` takes them.

    Raises:
        OmegaError: INVALID_FIELD when the file is no dump of that release or an earlier one.
    """
    done = subprocess.run(  # noqa: S603 - the same
        [str(tools.restore), "--list", str(file)],
        env={**os.environ, "LC_ALL": "C"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise invalid("the backup", f"one that pg_restore reads: {done.stderr.strip()}")
    return done.stdout.splitlines()

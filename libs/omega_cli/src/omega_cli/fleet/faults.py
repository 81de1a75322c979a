"""What goes wrong in a simulation, and when: a schedule in TOML."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Any

from omega_core import validate
from omega_core.errors import OmegaError, invalid

_UNITS = {"s": 1.0, "m": 60.0, "h": 3_600.0}
_SPAN = re.compile(r"(\d+(?:\.\d+)?)([smh])\Z")
_MOST = 1_000
_LONGEST = 366 * 86_400.0


class What(StrEnum):
    """Kinds of faults."""

    KILL = "kill"
    """SIGKILL to a part, which is started again after `lasts`."""
    PARTITION = "partition"
    """Connections of a share of the TVs are refused."""
    LOSS = "loss"
    """Answers to a share of the exchanges are lost on their way to the TV."""
    SKEW = "skew"
    """The clocks of a share of the TVs are wrong."""
    POISON = "poison"
    """A share of the TVs sends sketches of one title, without noise, as often as it may."""


@dataclass(frozen=True)
class Fault:
    """One fault."""

    at: float
    """Seconds after the TVs began to live, 0 on."""
    what: What
    """Its kind."""
    lasts: float = 60.0
    """Seconds until it is over, above 0."""
    part: str = ""
    """Of a kill: constellation, worker, Postgres, or sync with its number."""
    share: float = 1.0
    """Of the TVs or exchanges concerned, 0.001 to 1."""
    seconds: float = 300.0
    """Of a skew: by how much clocks are ahead; negative = behind. At most a year."""

    def __post_init__(self) -> None:
        validate.number("at", self.at, 0, _LONGEST)
        validate.number("lasts", self.lasts, 1, _LONGEST)
        validate.number("share", self.share, 0.001, 1)
        validate.number("seconds", self.seconds, -_LONGEST, _LONGEST)
        if (self.what is What.KILL) != bool(self.part):
            raise invalid("part", "stated for a kill, and for nothing else")

    @property
    def ends(self) -> float:
        """Seconds after the TVs began to live at which it is over."""
        return self.at + self.lasts

    def __str__(self) -> str:
        return f"{self.what} {self.part or format(self.share, '.1%')}"


def read(path: Path, parts: Sequence[str]) -> list[Fault]:
    """The faults of a file, by time.

    Each is a table `[[fault]]` with the fields of Fault; times are numbers with s, m or h, such as
    "90m".

    Args:
        path: TOML.
        parts: what can be killed.

    Raises:
        OmegaError: INVALID_FIELD that names the fault by its place, and what is wrong there.
        OSError: the file cannot be read.
    """
    try:
        found = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise invalid(str(path), f"TOML ({error})") from error
    tables = found.pop("fault", [])
    if found or not isinstance(tables, list) or not 0 < len(tables) <= _MOST:
        raise invalid(str(path), f"1 to {_MOST:,} tables [[fault]], and nothing else")
    faults = [_read(f"fault {n}", table, parts) for n, table in enumerate(tables, 1)]
    return sorted(faults, key=lambda fault: fault.at)


def _read(name: str, table: Any, parts: Sequence[str]) -> Fault:
    known = {field.name for field in fields(Fault)}
    if not isinstance(table, dict) or not {"at", "what"} <= table.keys() <= known:
        raise invalid(name, f"a table with at and what, and no others than {sorted(known)}")
    given = dict(table)
    try:
        for key in ("at", "lasts"):
            if key in given:
                given[key] = _span(key, given[key])
        for key in ("share", "seconds"):
            if key in given and not isinstance(given[key], int | float):
                raise invalid(key, "a number")
        given["what"] = _kind(given["what"])
        if "part" in given and given["part"] not in parts:
            raise invalid("part", f"one of {', '.join(parts)}")
        return Fault(**given)
    except OmegaError as error:
        raise invalid(f"{name}: {error.field}", error.bound) from error


def _span(name: str, value: Any) -> float:
    match = _SPAN.match(value) if isinstance(value, str) else None
    if not match:
        raise invalid(name, 'a number with s, m or h, such as "90m"')
    return float(match[1]) * _UNITS[match[2]]


def _kind(value: Any) -> What:
    try:
        return What(value)
    except ValueError:
        raise invalid("what", f"one of {', '.join(What)}") from None

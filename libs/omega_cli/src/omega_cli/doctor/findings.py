"""What a check found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from omega_cli.exits import Exit


class Level(IntEnum):
    """How bad it is."""

    OK = 0
    """As it should be."""
    WARNING = 1
    """It works, and will not for ever or not well."""
    FAULT = 2
    """It does not work, or loses what was acknowledged."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    check: str
    """settings, database, certificates, clocks, versions or health."""
    level: Level
    """How bad it is."""
    what: str
    """What was found."""
    advice: str = ""
    """What to do; empty = nothing."""


def ok(check: str, what: str) -> Finding:
    """Something that is as it should be."""
    return Finding(check, Level.OK, what)


def warning(check: str, what: str, advice: str) -> Finding:
    """Something that will not work for ever, or not well."""
    return Finding(check, Level.WARNING, what, advice)


def fault(check: str, what: str, advice: str) -> Finding:
    """Something that does not work."""
    return Finding(check, Level.FAULT, what, advice)


def exit_of(findings: Iterable[Finding]) -> Exit:
    """The code for the worst of findings."""
    worst = max((each.level for each in findings), default=Level.OK)
    return {Level.OK: Exit.DONE, Level.WARNING: Exit.PARTLY, Level.FAULT: Exit.FAILED}[worst]

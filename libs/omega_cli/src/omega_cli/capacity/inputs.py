"""Inputs of the capacity model: what was measured, what is assumed, what things cost.

Three TOML files beside this one hold them; each value stands in a table of its own with its unit
and where it comes from, so that no figure is without a source. Users give files of their own with
the same tables, or only those that differ.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from importlib.resources import files
from pathlib import Path
from typing import Any, Generic, Self, TypeVar

from omega_core import validate
from omega_core.errors import invalid

_MOST = 1e18


@dataclass(frozen=True)
class Source:
    """Where a value comes from."""

    unit: str
    """Its unit."""
    what: str
    """What it is."""
    source: str
    """The command that measures it, or why it is assumed."""


@dataclass(frozen=True)
class Costs:
    """What was measured: of one exchange, one device, one stream, one round."""

    stream_sync_us: float
    stream_constellation_us: float
    stream_postgres_us: float
    proof_sync_us: float
    proof_constellation_us: float
    proof_postgres_us: float
    enrolment_us: float
    stream_kb: float
    gateway_mb: float
    constellation_mb: float
    exchange_up_bytes: float
    exchange_down_bytes: float
    resources_day_bytes: float
    device_row_bytes: float
    push_row_bytes: float
    kept_row_bytes: float
    refresh_device_us: float
    step_device_us: float
    worker_mb: float


@dataclass(frozen=True)
class Assumptions:
    """What is assumed of households, and how much is kept in reserve."""

    hours_on: float
    networked_share: float
    wake_minutes: float
    pushes_day: float
    peak_factor: float
    sync_seconds: float
    round_seconds: float
    refresh_hours: float
    devices_shard: float
    postgres_copies: float
    zones: float
    headroom: float
    retention_days: float
    storage_margin: float
    cached_share: float
    streams_process: float
    node_vcpus: float
    node_gib: float


@dataclass(frozen=True)
class Prices:
    """What things cost."""

    vcpu_hour: float
    gib_hour: float
    ssd_gib_month: float
    egress_gib: float


T = TypeVar("T", Costs, Assumptions, Prices)
_FILES: dict[type, str] = {
    Costs: "costs.toml",
    Assumptions: "assumptions.toml",
    Prices: "prices.toml",
}


@dataclass(frozen=True)
class Inputs(Generic[T]):
    """The values of a file, and where each comes from."""

    values: T
    """By name."""
    sources: dict[str, Source]
    """The same names."""

    @classmethod
    def read(cls, kind: type[T], path: Path | None = None) -> Self:
        """The project's own inputs of a kind, and in their place those that a file states.

        Raises:
            OmegaError: INVALID_FIELD that names the table at fault.
            OSError: the file cannot be read.
        """
        own = files("omega_cli.capacity").joinpath(_FILES[kind]).read_text("utf-8")
        tables = _parsed(_FILES[kind], own)
        if path is not None:
            given = _parsed(str(path), path.read_text("utf-8"))
            if unknown := given.keys() - tables.keys():
                raise invalid(f"{path}: {min(unknown)}", f"one of {', '.join(tables)}")
            tables |= {name: {**tables[name], **_table(name, given[name])} for name in given}
        names = [field.name for field in fields(kind)]
        if missing := set(names) ^ tables.keys():
            raise invalid(_FILES[kind], f"a table for each input: {', '.join(sorted(missing))}")
        values = {name: _number(name, tables[name].get("value")) for name in names}
        sources = {name: _source(name, tables[name]) for name in names}
        return cls(kind(**values), sources)


def _parsed(name: str, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise invalid(name, f"TOML ({error})") from error


def _table(name: str, given: Any) -> dict[str, Any]:
    if not isinstance(given, dict) or not given.keys() <= {"value", "unit", "what", "source"}:
        raise invalid(name, "a table of value, unit, what and source")
    return given


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise invalid(name, "a table with a number as its value")
    return validate.number(name, float(value), 0, _MOST)


def _source(name: str, table: dict[str, Any]) -> Source:
    texts = [table.get(key) for key in ("unit", "what", "source")]
    if not all(isinstance(text, str) for text in texts):
        raise invalid(name, "a table with unit, what and source as texts")
    return Source(*(str(text) for text in texts))

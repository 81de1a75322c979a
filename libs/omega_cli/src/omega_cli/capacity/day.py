"""A simulated day beside what the model predicts for it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from omega_cli.capacity.inputs import Assumptions, Costs
from omega_cli.capacity.model import DAY, HOUR, exchanges_day
from omega_core.errors import invalid


@dataclass(frozen=True)
class Compared:
    """One figure of both."""

    name: str
    """What it is."""
    unit: str
    """Its unit."""
    predicted: float
    """By the model."""
    measured: float
    """By the simulation."""


def mean_rate(devices: int, assumed: Assumptions) -> float:
    """Exchanges a second that so many TVs are predicted to make on average."""
    return devices * exchanges_day(assumed.hours_on, assumed) / DAY


def read(path: Path) -> dict[str, Any]:
    """The object of `omega fleet --json`.

    Raises:
        OmegaError: INVALID_FIELD when it is none, or of a fleet that did not live.
        OSError: the file cannot be read.
    """
    try:
        day = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise invalid(str(path), f"an object of omega fleet --json ({error})") from error
    if not isinstance(day, dict) or not {"fleet", "totals", "tables"} <= day.keys():
        raise invalid(str(path), "an object of omega fleet --json")
    if not day["fleet"]["hours"]:
        raise invalid(str(path), "of a fleet that lived")
    return day


def compare(day: dict[str, Any], costs: Costs, assumed: Assumptions) -> list[Compared]:
    """Both, for the fleet of the simulation. Its TVs call one by one, each with a proof.

    Bytes are those of messages in the simulation, and of whole connections in the model; what
    devices alone take in the database was there before the day began.
    """
    fleet, totals, tables = day["fleet"], day["totals"], day["tables"]
    devices, seconds = fleet["devices"], fleet["hours"] * HOUR
    each = exchanges_day(assumed.hours_on, assumed)
    cpu = totals["cpu_us"]
    gateways = sum(used for part, used in cpu.items() if part.startswith("sync"))
    days = devices * seconds / DAY
    kept = tables["kept_rows"]["rows"] * costs.kept_row_bytes
    stored = devices * seconds / DAY * assumed.pushes_day * costs.push_row_bytes
    return [
        Compared(
            "exchanges a second",
            "",
            mean_rate(devices, assumed),
            totals["exchanges"] / seconds,
        ),
        Compared("exchanges, a TV and day", "", each, totals["exchanges_device_day"]),
        Compared("gateway, an exchange", "us", costs.proof_sync_us, gateways),
        Compared(
            "constellation, an exchange", "us", costs.proof_constellation_us, cpu["constellation"]
        ),
        Compared("Postgres, an exchange", "us", costs.proof_postgres_us, cpu["Postgres"]),
        Compared(
            "up, a TV and day", "kB", each * costs.exchange_up_bytes / 1e3, totals["bytes_up"] / 1e3
        ),
        Compared(
            "down but resources, a TV and day",
            "kB",
            each * costs.exchange_down_bytes / 1e3,
            totals["bytes_down"] / 1e3,
        ),
        Compared(
            "pushes, a TV and day",
            "",
            assumed.pushes_day,
            tables["pushes"]["rows"] / days,
        ),
        Compared(
            "growth of the database", "MB", (stored + kept) / 1e6, totals["database_bytes"] / 1e6
        ),
    ]


def table(found: list[Compared]) -> Table:
    """Both side by side."""
    made = Table(title="a simulated day beside the model")
    for heading in ("", "predicted", "measured", "measured / predicted"):
        made.add_column(heading, justify="right" if heading else "left")
    for row in found:
        name = f"{row.name}, {row.unit}" if row.unit else row.name
        ratio = f"{row.measured / row.predicted:.2f}" if row.predicted else ""
        made.add_row(name, f"{row.predicted:,.2f}", f"{row.measured:,.2f}", ratio)
    return made

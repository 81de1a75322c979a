"""The capacity model's tables, and its object for machines."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.table import Table

from omega_cli.capacity.claims import CONCURRENT, TVS, Claim, claims
from omega_cli.capacity.day import Compared
from omega_cli.capacity.inputs import Assumptions, Costs, Inputs, Prices
from omega_cli.capacity.model import Bill, Load, Needs, Scenario, bill, load, needs


@dataclass(frozen=True)
class Column:
    """A scenario and what comes of it."""

    scenario: Scenario
    """What was asked."""
    asked: Load
    """By its TVs."""
    found: Needs
    """What serves them."""
    paid: Bill
    """For it."""


@dataclass(frozen=True)
class Report:
    """Inputs and results."""

    costs: Inputs[Costs]
    """Measured."""
    assumed: Inputs[Assumptions]
    """Assumed."""
    prices: Inputs[Prices]
    """Paid."""
    columns: Sequence[Column]
    """One a scenario."""
    claims: Sequence[Claim]
    """The original's, reckoned again."""


def scenarios(assumed: Assumptions) -> list[Scenario]:
    """40 and 400 million TVs with 10 million at once, and with as many as their habits say."""
    share = min(assumed.hours_on / 24 * assumed.peak_factor, 1.0)
    return [
        Scenario("40 M TVs, 10 M at once", 40e6, CONCURRENT),
        Scenario("400 M TVs, 10 M at once", TVS, CONCURRENT),
        Scenario("40 M TVs, by habit", 40e6, 40e6 * share),
        Scenario("400 M TVs, by habit", TVS, TVS * share),
    ]


def reckon(costs: Inputs[Costs], assumed: Inputs[Assumptions], prices: Inputs[Prices]) -> Report:
    """Every scenario, and the claims."""
    columns = [
        _column(each, costs.values, assumed.values, prices.values)
        for each in scenarios(assumed.values)
    ]
    theirs = columns[1]
    return Report(
        costs,
        assumed,
        prices,
        columns,
        claims(
            theirs.asked, theirs.found, theirs.paid, costs.values, assumed.values, prices.values
        ),
    )


def _column(scenario: Scenario, costs: Costs, assumed: Assumptions, prices: Prices) -> Column:
    found = needs(scenario, costs, assumed)
    return Column(
        scenario, load(scenario, costs, assumed), found, bill(scenario, found, assumed, prices)
    )


def as_json(report: Report, compared: Sequence[Compared] = ()) -> str:
    """One object; with `compared`, a simulated day beside it."""
    inputs = {
        name: {
            key: {"value": getattr(given.values, key), **asdict(source)}
            for key, source in given.sources.items()
        }
        for name, given in (
            ("costs", report.costs),
            ("assumptions", report.assumed),
            ("prices", report.prices),
        )
    }
    found = [
        {
            "scenario": asdict(each.scenario),
            "load": asdict(each.asked),
            "needs": asdict(each.found) | {"cores": each.found.cores, "gib": each.found.gib},
            "bill": asdict(each.paid) | {"month": each.paid.month, "tv_month": each.paid.tv_month},
        }
        for each in report.columns
    ]
    told = [asdict(claim) for claim in report.claims]
    beside = [asdict(row) for row in compared]
    return json.dumps({"inputs": inputs, "scenarios": found, "claims": told, "day": beside})


def show(report: Report, console: Console) -> None:
    """Tables: results, claims, and every input with its source."""
    console.print(_results(report.columns))
    console.print(_claims(report.claims))
    console.print(_inputs("measured costs", report.costs))
    console.print(_inputs("assumptions", report.assumed))
    console.print(_inputs("prices (assumptions: put your own in their place)", report.prices))


_ROWS: tuple[tuple[str, Callable[[Column], str]], ...] = (
    ("hours on, a TV and day", lambda c: f"{c.asked.hours_on:.2f}"),
    ("exchanges, a TV and day", lambda c: f"{c.asked.exchanges_device_day:.1f}"),
    ("exchanges a second, mean", lambda c: f"{c.asked.exchanges_s:,.0f}"),
    ("exchanges a second, peak", lambda c: f"{c.asked.peak_exchanges_s:,.0f}"),
    ("kB up and down, a TV and day", lambda c: _both(c.asked)),
    ("peak to TVs, Gbit/s", lambda c: f"{c.asked.peak_gbit_s:,.1f}"),
    ("shards", lambda c: f"{c.found.shards:,}"),
    ("gateways: cores", lambda c: f"{c.found.gateway_cores:,.0f}"),
    ("gateways: GiB", lambda c: f"{c.found.gateway_gib:,.0f}"),
    ("constellation: cores", lambda c: f"{c.found.constellation_cores:,.0f}"),
    ("Postgres, all copies: cores", lambda c: f"{c.found.postgres_cores:,.0f}"),
    ("Postgres, all copies: GiB", lambda c: f"{c.found.postgres_gib:,.0f}"),
    ("workers: cores", lambda c: f"{c.found.worker_cores:,.0f}"),
    ("a shard's refresh, core hours", lambda c: f"{c.found.refresh_hours:.1f}"),
    ("cores in all", lambda c: f"{c.found.cores:,.0f}"),
    ("GiB in all", lambda c: f"{c.found.gib:,.0f}"),
    ("servers", lambda c: f"{c.found.servers:,}"),
    ("disk, all copies, TiB", lambda c: f"{c.found.storage_gib / 1_024:,.1f}"),
    ("to TVs a month, TiB", lambda c: f"{c.found.egress_gib_month / 1_024:,.0f}"),
    ("servers, a month", lambda c: f"{c.paid.processors + c.paid.memory:,.0f}"),
    ("disk, a month", lambda c: f"{c.paid.storage:,.0f}"),
    ("bytes to TVs, a month", lambda c: f"{c.paid.egress:,.0f}"),
    ("cost a month", lambda c: f"{c.paid.month:,.0f}"),
    ("cost a TV and month", lambda c: f"{c.paid.tv_month:.5f}"),
)


def _both(asked: Load) -> str:
    return f"{asked.up_device_day / 1e3:.1f}, {asked.down_device_day / 1e3:.1f}"


def _results(columns: Sequence[Column]) -> Table:
    table = Table(title="what a fleet needs, at its busiest moment, with one zone lost")
    table.add_column("")
    for column in columns:
        table.add_column(column.scenario.name, justify="right")
    for name, cell in _ROWS:
        table.add_row(name, *(cell(column) for column in columns))
    return table


def _claims(found: Sequence[Claim]) -> Table:
    table = Table(title="the original's figures, for 400 M TVs with 10 M at once")
    for heading in ("", "claimed", "its own inputs give", "here"):
        table.add_column(heading)
    for claim in found:
        table.add_row(claim.row, claim.claimed, claim.gives, claim.ours)
    return table


def _inputs(title: str, given: Inputs[Costs] | Inputs[Assumptions] | Inputs[Prices]) -> Table:
    table = Table(title=title)
    for heading in ("input", "value", "what", "source"):
        table.add_column(heading, overflow="fold")
    for name, source in given.sources.items():
        value = f"{getattr(given.values, name):,g} {source.unit}"
        table.add_row(name, value, source.what, source.source)
    return table

"""`omega privacy`: what sketches formally guarantee, by noise scale. Computed, not measured."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

    from omega_cli.bench.figures import Figure
    from omega_privacy import Account

TOGETHER = 16
"""Sketches that are also looked at together: about a full push."""
DAYS = (1, 7, 28)
"""Days of reports that are looked at together; the longest release asks for 28."""
REPORT_EPSILON = 1.0
"""Default of OMEGA_BRAIN_REPORT_EPSILON."""


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = commands.add_parser("privacy", help="formal privacy of sketches, by noise scale")
    parser.add_argument("--json", action="store_true", help="print one object for machines")
    parser.set_defaults(run=_run)


def figures(accounts: list[Account]) -> dict[str, Figure]:
    """The figures for machines."""
    from omega_cli.bench.figures import Figure

    found = {}
    for each in accounts:
        name = f"sigma_{each.sigma:g}"
        found[f"epsilon_sketch_{name}"] = Figure(
            each.epsilon, "", "", {"by zCDP": each.epsilon_zcdp}
        )
        for together, epsilon in each.epsilons:
            found[f"epsilon_{together}_sketches_{name}"] = Figure(epsilon, "", "")
        found[f"bits_sketch_{name}"] = Figure(each.bits, "bits", "")
    for days in DAYS:
        found[f"epsilon_reports_of_{days}_days"] = Figure(REPORT_EPSILON * days, "", "")
    return found


def table(accounts: list[Account], delta: float) -> Table:
    """The figures for people."""
    from rich.table import Table

    made = Table(
        title=f"Formal local differential privacy of sketches, delta {delta:g}",
        caption="A guarantee against every attacker, and a weak one: below 1 is called strong.\n"
        f"A report of how a new version fares: {REPORT_EPSILON:g} a day that is answered.",
    )
    headings = ("sigma", "epsilon, a sketch", f"epsilon, {TOGETHER} sketches", "bits, a sketch")
    for heading in headings:
        made.add_column(heading, justify="right")
    for each in accounts:
        together = dict(each.epsilons)[TOGETHER]
        made.add_row(
            f"{each.sigma:g}", f"{each.epsilon:.1f}", f"{together:.0f}", f"<= {each.bits:.1f}"
        )
    return made


def _run(arguments: argparse.Namespace) -> int:
    from rich.console import Console

    from omega_cli.bench.figures import as_json
    from omega_privacy.accountant import DELTA, SIGMAS, account

    accounts = [account(sigma, (TOGETHER,)) for sigma in SIGMAS]
    if arguments.json:
        print(as_json("privacy", figures(accounts)))
    else:
        Console().print(table(accounts, DELTA))
    return 0

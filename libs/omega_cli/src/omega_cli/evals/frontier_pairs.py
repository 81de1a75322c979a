"""`omega eval frontier --thresholds`: threshold reports beside sketches, as tables and figures."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.progress import Progress

from omega_cli.bench.figures import Figure
from omega_cli.evals import cells
from omega_cli.evals.attack import Figures, plus_five_figure, ratio_figure, reid_figures
from omega_cli.evals.attack_tables import rate_cell
from omega_cli.evals.data import numbers, prepare
from omega_cli.evals.quality import begin
from omega_core import validate
from omega_core.errors import invalid
from omega_eval.split import HoldOut, Level
from omega_eval.threshold.orders import ORDERS
from omega_eval.threshold.proof import Proof, prove
from omega_eval.threshold.reporting import Likes
from omega_eval.threshold.study import Plan, Point, measure
from omega_threshold.report import MAX_THRESHOLD, MIN_THRESHOLD

_MOST_DAYS = 3_650
_MOST_HOUSEHOLDS = 1_000_000
_HEADINGS = (
    "t, days",
    "NDCG@10 / EASE",
    "/ popularity",
    "strict",
    "liked",
    "+5",
    "open",
    "reports",
    "lost",
    "first week, epoch, last week",
)
_NOTES = (
    (
        "No report has a device, so strict and liked are those of an attacker that sees none. "
        "+5: it sees every opened count and knows the histories of four fifths of the households."
    ),
    (
        "Open: titles and pairs that are seen. Lost: reports still sealed when their epoch closed. "
        "The last column: bytes that a household moves, mean."
    ),
)


@dataclass(frozen=True)
class Found:
    """What was measured."""

    title: str
    """Of the data."""
    points: tuple[Point, ...]
    """By threshold and days."""
    proof: Proof | None
    """Households through the real cryptography, where any were asked for."""


def plan_of(arguments: argparse.Namespace) -> Plan:
    """What the flags ask for.

    Raises:
        OmegaError: INVALID_FIELD that names the flag.
    """
    if arguments.order not in ORDERS:
        raise invalid("order", f"one of {', '.join(ORDERS)}")
    validate.integer("households", arguments.households, 0, _MOST_HOUSEHOLDS)
    validate.integer("proof-days", arguments.proof_days, 1, _MOST_DAYS)
    thresholds = _integers("thresholds", arguments.thresholds, MIN_THRESHOLD, MAX_THRESHOLD)
    days = _integers("days", arguments.days, 1, _MOST_DAYS)
    joining = validate.integer("joining", arguments.joining, 0, _MOST_DAYS)
    return Plan(thresholds, days, order=arguments.order, joining=joining, mixed=arguments.mixed)


def _integers(field: str, text: str, least: int, most: int) -> tuple[int, ...]:
    found = numbers(field, text)
    if not found or any(value != int(value) for value in found):
        raise invalid(field, "whole numbers with commas between them")
    return tuple(validate.integer(field, int(value), least, most) for value in found)


def run(arguments: argparse.Namespace, plan: Plan, progress: Progress) -> Found:
    """Measures.

    Raises:
        OmegaError: INVALID_FIELD that names a flag or what cannot be read.
    """
    prepared = prepare(arguments.data, arguments.cache_dir)
    study = begin(prepared, HoldOut.LAST20, Level(arguments.level))
    points = measure(study, plan, say=prepared.say)
    proof = None
    if arguments.households:
        task = progress.add_task("reports through the real cryptography", total=None)
        proof = prove(
            Likes.of(study.world, study.fleet),
            plan.thresholds[0],
            plan.order,
            arguments.households,
            arguments.proof_days,
            lambda done, of: progress.update(task, completed=done, total=of),
        )
    return Found(f"{prepared.title}; {arguments.level}", tuple(points), proof)


def figures(found: Found) -> Figures:
    """The figures for machines, by threshold and days."""
    made: Figures = {}
    for point in found.points:
        name = f"pairs_{cells.slug(_name(point))}_"
        made[f"{name}ndcg_vs_ease"] = ratio_figure(point.against_ease, "")
        made[f"{name}ndcg_vs_popularity"] = ratio_figure(point.against_popularity, "")
        made.update(reid_figures(point.nothing, point.nothing, f"{name}reid_"))
        if point.plus_five is not None:
            made[f"{name}plus_five"] = plus_five_figure(point.plus_five)
        made[f"{name}open"] = Figure(
            point.open, "pairs and titles", "", {"reports": point.reports, "lost": point.lost}
        )
        made[f"{name}household_bytes"] = Figure(
            point.first_epoch,
            "B in the first epoch",
            "",
            {"first week": point.first_week, "last week": point.last_week},
        )
    if found.proof is not None:
        proof = found.proof
        made["pairs_equal_by_cryptography"] = Figure(
            float(proof.equal),
            "",
            "= 1",
            {
                "households": proof.households,
                "reports": proof.reports,
                "opened": proof.open,
                "counted": proof.counted,
                "bytes a report": proof.report_bytes,
            },
        )
    return made


def show(found: Found, console: Console) -> None:
    """The table for people, and the line of the proof."""
    rows = [_row(point) for point in found.points]
    cells.show(console, f"Threshold reports: {found.title}", _HEADINGS, rows, _NOTES)
    proof = found.proof
    if proof is not None:
        console.print(
            f"Through the real cryptography: {proof.households} households, "
            f"{proof.reports:,} reports, {proof.open:,} titles and pairs opened, "
            f"{proof.counted:,} by counting; equal count by count: "
            f"{'yes' if proof.equal else 'NO'}; {proof.report_bytes:.1f} bytes a report"
        )


def _name(point: Point) -> str:
    when = "all at once" if point.days is None else f"{point.days} days"
    return f"t {point.threshold}, {when}{', half sketch' if point.mixed else ''}"


def _row(point: Point) -> Sequence[str]:
    moved = (point.first_week, point.first_epoch, point.last_week)
    unlimited = point.days is None
    return (
        _name(point),
        *(
            rate_cell(each)
            for each in (
                point.against_ease,
                point.against_popularity,
                point.nothing.strict,
                point.nothing.liked,
            )
        ),
        "" if point.plus_five is None else rate_cell(point.plus_five.reports),
        f"{point.open:,}",
        f"{point.reports:,}",
        f"{point.lost:,}",
        f"{moved[0] / 1000:,.1f} kB once"
        if unlimited
        else ", ".join(f"{each / 1000:,.1f}" for each in moved) + " kB",
    )

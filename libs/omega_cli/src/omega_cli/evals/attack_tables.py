"""The findings of `omega eval attack` as tables."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table

from omega_cli.evals.attack import KEPT, RISE
from omega_eval.attacks.averaging import Averaging
from omega_eval.attacks.linkage import Linkage
from omega_eval.attacks.membership import Membership
from omega_eval.attacks.outcome import Outcome, Rate
from omega_eval.attacks.plus_five import PlusFive
from omega_eval.attacks.poisoning import Poisoning
from omega_eval.attacks.reidentify import Reidentification
from omega_eval.attacks.suite import Findings
from omega_eval.attacks.whole_push import ALLOWED, WholePush
from omega_eval.metrics import Ratio

_OUTCOME = ("strict", "of 3 guesses", "of 10", "liked")


def show(found: Findings, console: Console) -> None:
    """Prints a table for each attack that ran."""
    console.print(
        f"{found.reports:,} sketches of {found.households:,} households at sigma {found.sigma:g}."
    )
    tables: list[Table] = []
    if found.reidentified:
        tables.append(_reidentified(found.reidentified))
    if found.whole_push:
        tables += [_joining(found.whole_push), _fields(found.whole_push)]
    if found.plus_five:
        tables.append(_plus_five(found.plus_five))
    if found.averaging:
        tables.append(_averaging(found.averaging, found.twins_paired))
    if found.linkage:
        tables.append(_linkage(found.linkage))
    if found.membership:
        tables.append(_membership(found.membership))
    if found.poisoning:
        tables += [_pushed(found.poisoning), _wrecked(found.poisoning)]
    for table in tables:
        console.print(table)


def _table(title: str, *headings: str) -> Table:
    table = Table(title=title)
    for place, heading in enumerate(headings):
        table.add_column(heading, justify="right" if place else "left")
    return table


def rate_cell(rate: Rate | Ratio, *, signed: bool = False) -> str:
    """A share and its interval."""
    sign = "+" if signed else ""
    return rf"{rate.value:{sign}.3f} \[{rate.low:{sign}.3f}, {rate.high:{sign}.3f}]"


def _outcomes(title: str, rows: Iterable[tuple[str, Outcome]]) -> Table:
    table = _table(title, "attacker", *_OUTCOME)
    for name, each in rows:
        shares = (each.strict, each.strict_at_3, each.strict_at_10, each.liked)
        table.add_row(name, *(rate_cell(rate) for rate in shares))
    return table


def _reidentified(each: Reidentification) -> Table:
    return _outcomes(
        "Re-identification: the title behind a sketch",
        (
            ("without information", each.nothing),
            ("each sketch alone", each.alone),
            ("joint, alternating", each.alternating),
            ("joint, learned", each.learned),
            ("reported: the stronger", each.reported),
        ),
    )


def _joining(each: WholePush) -> Table:
    return _outcomes("What is joined", each.by_joining)


def _fields(each: WholePush) -> Table:
    table = _table("The whole push", "field", "without", "with", "added", "stays")
    for effect in (*each.fields, each.all_fields, each.device):
        verdict = f"yes (<= {ALLOWED:g})" if effect.stays else "NO"
        added = rate_cell(effect.added, signed=True)
        table.add_row(effect.name, f"{effect.without:.3f}", f"{effect.with_it:.3f}", added, verdict)
    return table


def _plus_five(each: PlusFive) -> Table:
    table = _table("Five likes known, one more guessed", "attacker", "success")
    for name, rate in (
        ("popularity", each.popularity),
        ("others' histories; nobody takes part", each.nobody),
        ("and the published model", each.published),
        ("and the target's sketches", each.reports),
    ):
        table.add_row(name, rate_cell(rate))
    return table


def _averaging(each: Averaging, twins: float | None) -> Table:
    table = _outcomes("Repeated reports, joint attacker", each.rows)
    if twins is not None:
        table.caption = f"Twins under two encoders with the same noise: {twins:.1%} recognised."
    return table


def _linkage(rows: Iterable[tuple[str, Linkage]]) -> Table:
    table = _table("Linkage: first guess among all", "case", "identities", "success", "chance")
    for name, each in rows:
        table.add_row(name, str(each.identities), rate_cell(each.success), f"{each.chance:.4f}")
    return table


def _membership(each: Membership) -> Table:
    table = _table("Membership in the published factors", "", "attacker", "without information")
    table.add_row("area under the curve", rate_cell(each.auc), "0.5")
    table.add_row("advantage", rate_cell(each.advantage, signed=True), "0")
    table.caption = f"Fleets of {each.households} households."
    return table


def _pushed(each: Poisoning) -> Table:
    title = f"Poisoning: {each.liars} of {each.liars + each.honest} TVs push a title"
    table = _table(title, "title", "before", "after", "rise", "goal")
    for push in each.pushes:
        table.add_row(
            push.name,
            f"{push.before:.3f}",
            f"{push.after:.3f}",
            rate_cell(push.rise, signed=True),
            f"< {RISE:g}",
        )
    return table


def _wrecked(each: Poisoning) -> Table:
    table = _table(
        "Poisoning: what is left of honest lists", "kind", "honest NDCG@10 kept", "goal", "finite"
    )
    for wreck in each.wrecks:
        finite = "yes" if wreck.finite else "NO"
        table.add_row(wreck.name, rate_cell(wreck.ndcg), f">= {KEPT:g}", finite)
    return table

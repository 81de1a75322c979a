"""What `omega eval attack` measures, and its figures."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from rich.progress import Progress

from omega_cli.bench.figures import Figure
from omega_core import validate
from omega_embed import open_encoder
from omega_eval.attacks.averaging import ONCE, REPEATED
from omega_eval.attacks.fleet import AttackedFleet
from omega_eval.attacks.outcome import Outcome, Rate
from omega_eval.attacks.plus_five import PlusFive
from omega_eval.attacks.suite import Findings, Part, attack_all
from omega_eval.attacks.whole_push import ALLOWED, FieldEffect
from omega_eval.attacks.world import World
from omega_eval.metrics import Ratio
from omega_eval.movielens import load_movielens
from omega_privacy import SketchPolicy

RISE = 0.01
"""Most by which liars may raise the share of honest households that are shown a title."""
KEPT = 0.98
"""Least share of honest NDCG that liars may leave."""
Figures = dict[str, Figure]


def load(data: Path, cache_dir: Path | None, progress: Progress) -> World:
    """MovieLens, embedded.

    Raises:
        OmegaError: INVALID_FIELD: the data cannot be read.
    """
    task = progress.add_task("reading and embedding titles", total=1)
    world = World.of(*load_movielens(data), open_encoder(cache_dir))
    progress.advance(task)
    return world


def measure(
    data: Path, cache_dir: Path | None, sigma: float, parts: Iterable[str], progress: Progress
) -> Findings:
    """Runs the asked attacks.

    Raises:
        OmegaError: INVALID_FIELD: the data cannot be read, or sigma is out of bounds.
    """
    policy = SketchPolicy(sigma=validate.number("sigma", sigma, 0.5, 64.0))
    world = load(data, cache_dir, progress)
    wanted = [Part(part) for part in parts]
    task = progress.add_task("attacks", total=len(wanted))
    return attack_all(AttackedFleet(world, policy), wanted, lambda: progress.advance(task))


def figures(found: Findings) -> Figures:
    """The figures for machines."""
    result = {
        "sigma": Figure(found.sigma, "", ""),
        "households": Figure(found.households, "households", ""),
        "reports": Figure(found.reports, "sketches", ""),
    }
    for part in (
        _reidentified,
        _whole_push,
        _plus_five,
        _averaging,
        _linkage,
        _membership,
        _poisoning,
    ):
        result.update(part(found))
    return result


def interval(rate: Rate) -> dict[str, float]:
    """Its bounds, to stand beside it."""
    return {"low": rate.low, "high": rate.high}


def reid_figures(reported: Outcome, nothing: Outcome, prefix: str = "reid_") -> Figures:
    """The four shares of an attacker beside those of one without information."""
    goals = {"strict": "<= 0.5"}
    return {
        f"{prefix}{name}": Figure(
            rate.value,
            "",
            goals.get(name, ""),
            {"no information": getattr(nothing, name).value, **interval(rate)},
        )
        for name, rate in (
            (name, getattr(reported, name))
            for name in ("strict", "strict_at_3", "strict_at_10", "liked")
        )
    }


def _reidentified(found: Findings) -> Figures:
    each = found.reidentified
    if each is None:
        return {}
    result = reid_figures(each.reported, each.nothing)
    for name in ("alone", "alternating", "learned"):
        outcome: Outcome = getattr(each, name)
        beside = {"liked": outcome.liked.value, **interval(outcome.strict)}
        result[f"reid_strict_{name}"] = Figure(outcome.strict.value, "", "", beside)
    return result


def _whole_push(found: Findings) -> Figures:
    if found.whole_push is None:
        return {}
    effects = (*found.whole_push.fields, found.whole_push.all_fields, found.whole_push.device)
    return {f"field_{slug(effect.name)}": _effect(effect) for effect in effects}


def _effect(effect: FieldEffect) -> Figure:
    beside = {"without": effect.without, "with": effect.with_it, **interval(effect.added)}
    return Figure(effect.added.value, "", f"<= {ALLOWED:g}", beside)


def _plus_five(found: Findings) -> Figures:
    if found.plus_five is None:
        return {}
    return {"plus_five": plus_five_figure(found.plus_five)}


def plus_five_figure(tested: PlusFive) -> Figure:
    """Success with the reports beside the other attackers."""
    beside = {
        "popularity": tested.popularity.value,
        "nobody takes part": tested.nobody.value,
        "published model only": tested.published.value,
        **interval(tested.reports),
    }
    return Figure(tested.reports.value, "", "", beside)


def _averaging(found: Findings) -> Figures:
    if found.averaging is None:
        return {}
    once = found.averaging[ONCE].strict.value
    result = {
        f"averaging_{slug(name)}": Figure(
            outcome.strict.value,
            "",
            f"= {once:.4f}" if name == REPEATED else "",
            {"once": once, "liked": outcome.liked.value, **interval(outcome.strict)},
        )
        for name, outcome in found.averaging.rows
    }
    if found.twins_paired is not None:
        result["twins_recognised"] = Figure(found.twins_paired, "", "")
    return result


def _linkage(found: Findings) -> Figures:
    return {
        f"linkage_{slug(name)}": Figure(
            each.success.value,
            "",
            "",
            {"chance": each.chance, "identities": each.identities, **interval(each.success)},
        )
        for name, each in found.linkage
    }


def _membership(found: Findings) -> Figures:
    each = found.membership
    if each is None:
        return {}
    return {
        "membership_auc": Figure(
            each.auc.value, "", "", {"no information": 0.5, **interval(each.auc)}
        ),
        "membership_advantage": Figure(
            each.advantage.value, "", "", {"no information": 0.0, **interval(each.advantage)}
        ),
    }


def _poisoning(found: Findings) -> Figures:
    each = found.poisoning
    if each is None:
        return {}
    result = {}
    for push in each.pushes:
        beside = {"before": push.before, "after": push.after, **interval(push.rise)}
        result[f"poison_rise_{push.name}"] = Figure(push.rise.value, "", f"< {RISE:g}", beside)
    for wreck in each.wrecks:
        more = {"finite": float(wreck.finite)}
        figure = ratio_figure(wreck.ndcg, f">= {KEPT:g}", more)
        result[f"poison_ndcg_{slug(wreck.name)}"] = figure
    return result


def ratio_figure(found: Ratio, goal: str, more: dict[str, float] | None = None) -> Figure:
    """A ratio with its interval."""
    return Figure(found.value, "", goal, {"low": found.low, "high": found.high, **(more or {})})


def slug(name: str) -> str:
    """A name for machines."""
    return "_".join("".join(c if c.isalnum() else " " for c in name.lower()).split())

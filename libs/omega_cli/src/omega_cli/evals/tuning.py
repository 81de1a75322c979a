"""`omega eval tuning`: self-tuning on households it has never met, as a table."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from omega_cli.bench.figures import Figure, as_json
from omega_core import validate
from omega_core.content import embedding_text
from omega_core.errors import invalid
from omega_core.tuning import Fitness
from omega_embed import Encoder, open_encoder
from omega_eval.folds import fold_models
from omega_eval.movielens import load_movielens
from omega_eval.tuning import (
    LOSES_AT,
    Difference,
    TuningFigures,
    chosen_households,
    study,
    summarise,
)
from omega_meta_sona import TuningConfig
from omega_meta_sona.significance import spent_alpha
from omega_rank import Catalogue

FOLDS = 4
"""Models of the fleet; a household is ranked with the one that never met it."""
SEED = 7
"""Of the sketches' noise."""
_BATCH = 256
_MOST_HOUSEHOLDS = 1_000_000


def run(arguments: argparse.Namespace) -> int:
    """Measures and prints. As `measure`."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(file=sys.stderr)) as progress:
        found = measure(
            arguments.data, open_encoder(arguments.cache_dir), arguments.households, progress
        )
    if arguments.json:
        print(as_json("tuning", figures(found)))
    else:
        show(found, Console())
    return 0


def measure(data: Path, encoder: Encoder, most: int | None, progress: Progress) -> TuningFigures:
    """Tunes and tests every household.

    Raises:
        OmegaError: INVALID_FIELD: the data cannot be read, `most` is below 1, or no household has
            enough positives.
    """
    if most is not None:
        validate.integer("households", most, 1, _MOST_HOUSEHOLDS)
    contents, households = load_movielens(data)
    numbers = chosen_households(households, most)
    if not numbers:
        raise invalid("households", "at least one with 20 titles that succeeded")
    texts = [embedding_text(content) for content in contents]
    task = progress.add_task("embedding titles", total=len(texts))
    parts = []
    for begin in range(0, len(texts), _BATCH):
        parts.append(encoder.encode(texts[begin : begin + _BATCH]))
        progress.advance(task, len(parts[-1]))
    embeddings = np.concatenate(parts)
    catalogue = Catalogue.build(contents, embeddings, None, np.arange(len(contents)))
    task = progress.add_task("federation rounds, one a fold", total=FOLDS)
    models = fold_models(
        catalogue, embeddings, households, FOLDS, SEED, lambda: progress.advance(task)
    )
    config = TuningConfig()
    tuning = progress.add_task("tuning households", total=len(numbers))
    tested = study(catalogue, models, households, numbers, config, lambda: progress.advance(tuning))
    return summarise(tested, spent_alpha(config.alpha, 1))


def figures(found: TuningFigures) -> dict[str, Figure]:
    """The figures for machines."""
    adopted, placebos = max(found.adopted, 1), max(found.placebos, 1)
    all_of_it = {
        "households": Figure(found.households, "households", ""),
        "tested": Figure(found.tested, "households", ""),
        "adopted": Figure(found.adopted, "households", ""),
        "adopted_share": Figure(found.adopted / found.households, "", ""),
        "ndcg_at_10_gain": _gain(found.ndcg),
        "ndcg_at_10_list_gain": _gain(found.ndcg_list),
        "ndcg_uncut_gain": _gain(found.gain),
        "adopted_worse_share": Figure(found.worse / adopted, "", ""),
        "adopted_worse_beyond_noise_share": Figure(
            found.worse_beyond_noise / adopted, "", f"<= {LOSES_AT:g}"
        ),
        "false_adoption_rate": Figure(
            found.false_alarms / placebos,
            "",
            f"<= {found.alpha:.4f}",
            {"stated": found.alpha, "placebo tests": found.placebos},
        ),
    }
    if found.ndcg_adopted and found.gain_adopted:
        all_of_it["ndcg_at_10_gain_of_adopted"] = _gain(found.ndcg_adopted)
        all_of_it["ndcg_uncut_gain_of_adopted"] = _gain(found.gain_adopted)
    for name in ("capability", "calibration", "diversity", "efficiency", "novelty", "overall"):
        before, after = getattr(found.before, name), getattr(found.after, name)
        all_of_it[f"fitness_{name}"] = Figure(after, "", "", {"shipped": before})
    return all_of_it


def show(found: TuningFigures, console: Console) -> None:
    """The tables for people."""
    console.print(_quality(found))
    console.print(_safety(found))
    console.print(_fitness(found.before, found.after))


def _gain(difference: Difference) -> Figure:
    beside = {
        "shipped": difference.shipped,
        "tuned": difference.tuned,
        "low": difference.low,
        "high": difference.high,
    }
    return Figure(difference.value, "", "> 0", beside)


def _quality(found: TuningFigures) -> Table:
    table = Table(title="Final test: each household's last fifth, never seen in tuning")
    for heading in ("", "shipped", "tuned", "difference", "95 % interval", "relative"):
        table.add_column(heading, justify="left" if not heading else "right")
    rows = [
        ("NDCG@10, all households", found.ndcg),
        ("NDCG@10 of one list, all households", found.ndcg_list),
        ("NDCG without a cut, all households", found.gain),
        ("NDCG@10, those that adopted", found.ndcg_adopted),
        ("NDCG without a cut, those that adopted", found.gain_adopted),
    ]
    for name, row in rows:
        if row is not None:
            relative = row.value / row.shipped if row.shipped else 0.0
            table.add_row(
                name,
                f"{row.shipped:.4f}",
                f"{row.tuned:.4f}",
                f"{row.value:+.5f}",
                rf"\[{row.low:+.5f}, {row.high:+.5f}]",
                f"{relative:+.1%}",
            )
    return table


def _safety(found: TuningFigures) -> Table:
    table = Table(title="Adoption")
    table.add_column("")
    table.add_column("", justify="right")
    adopted, placebos = max(found.adopted, 1), max(found.placebos, 1)
    rows = [
        ("households", f"{found.households}"),
        ("with a challenger that was tested", f"{found.tested}"),
        ("adopted", f"{found.adopted} ({found.adopted / found.households:.1%})"),
        ("of these worse in the final test", f"{found.worse} ({found.worse / adopted:.1%})"),
        (
            f"of these worse beyond noise (level {LOSES_AT:.0%})",
            f"{found.worse_beyond_noise} ({found.worse_beyond_noise / adopted:.1%})",
        ),
        (
            "false adoptions where neither is better (A/A)",
            f"{found.false_alarms} of {found.placebos} ({found.false_alarms / placebos:.2%})",
        ),
        ("stated for a first test", f"{found.alpha:.2%}"),
    ]
    for row in rows:
        table.add_row(*row)
    return table


def _fitness(before: Fitness, after: Fitness) -> Table:
    table = Table(title="Fitness in the final test, those that adopted")
    for heading in ("", "shipped", "tuned"):
        table.add_column(heading, justify="left" if not heading else "right")
    for name in (
        "capability",
        "alignment",
        "calibration",
        "diversity",
        "efficiency",
        "novelty",
        "overall",
    ):
        table.add_row(name, f"{getattr(before, name):.3f}", f"{getattr(after, name):.3f}")
    return table

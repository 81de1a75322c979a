"""How well taste patterns tell a household's taste, by the threshold at which titles join one.

`python bench/taste_patterns.py DATA [--households 4] [--json]`, where DATA is the folder of
MovieLens (ml-latest-small). Each household's first four fifths are learnt by the product's own
learner, with consolidation; its last likes are asked for:

- own: share of them that lie nearer to a pattern of their household than to any of another
  household, drawn at random among those with likes (chance is about a half);
- apart: how often such a like lies nearer to the household's patterns than a title that another
  household liked (area under the curve; chance is a half);
- patterns: their number a household, median and 95th percentile;
- reported: share of the watched titles whose pattern has the 3 viewings that a sketch needs.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from omega_agentdb import SkillConfig, SkillLearner
from omega_core.clock import SystemClock
from omega_core.content import Content, embedding_text
from omega_core.taste import TasteViewing
from omega_core.vectors import FloatArray, centre
from omega_embed import open_encoder
from omega_eval.household import Household
from omega_eval.movielens import load_movielens
from omega_persistence import Contents, Database, StoredContent
from omega_persistence.skills import Skills

JOIN = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3)
LEAST_LIKES = 3
SAMPLES = 3
OTHERS = 60
SEED = 7


@dataclass
class Quality:
    """One setting."""

    join_above: float
    own: float
    apart: float
    patterns: float
    patterns_p95: float
    reported: float


class Centred:
    """Vectors of all titles; rowids begin at 1."""

    model_version = "bench"

    def __init__(self, vectors: FloatArray) -> None:
        self.rows = vectors

    def centred(self, rowids: NDArray[np.int64]) -> FloatArray:
        """Vectors (n, 384)."""
        return self.rows[rowids - 1]


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder of MovieLens")
    parser.add_argument("--households", type=int, default=4, help="each how manieth is taken")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    contents, households = load_movielens(arguments.data)
    encoder = open_encoder(None, kind="minilm")
    vectors = encoder.encode([embedding_text(content) for content in contents])
    titles = Centred(centre(vectors, vectors.mean(axis=0)))
    with tempfile.TemporaryDirectory() as folder:
        database = Database.open(Path(folder, "omega.db"), clock=SystemClock())
        Contents(database).upsert(
            [
                StoredContent(content=content, embedding=vector, model_version="bench")
                for content, vector in zip(contents, vectors, strict=True)
            ]
        )
        sample = households[:: arguments.households]
        found = [_measure(Skills(database), titles, contents, sample, at) for at in JOIN]
        database.close()
    if arguments.json:
        print(json.dumps([asdict(each) for each in found], indent=1))
        return
    print("join above     own   apart  patterns  p95  reported")
    for each in found:
        print(
            f"{each.join_above:10.2f}  {each.own:6.3f}  {each.apart:6.3f}"
            f"  {each.patterns:8.0f}  {each.patterns_p95:3.0f}  {each.reported:8.2f}"
        )


def _measure(
    store: Skills,
    titles: Centred,
    contents: Sequence[Content],
    households: Sequence[Household],
    join_above: float,
) -> Quality:
    learner = SkillLearner(store, titles, SkillConfig(join_above=join_above))
    rowid_of = {content.content_id: i + 1 for i, content in enumerate(contents)}
    centroids, likes, counts, reported = [], [], [], []
    for household in households:
        store.clear()
        events = household.events
        cut = int(0.8 * len(events))
        seq = learner.learnt_seq() + 1
        viewings = [
            TasteViewing(
                seq + i,
                rowid_of[event.content_id],
                event.occurred_at,
                event.success,
                event.reward,
                genres=contents[rowid_of[event.content_id] - 1].genres,
                kind=1,
            )
            for i, event in enumerate(events[:cut])
        ]
        _learn(learner, viewings)
        patterns = store.skills("")
        held = [rowid_of[event.content_id] for event in events[cut:] if event.success]
        if len(held) < LEAST_LIKES:
            continue
        centroids.append(np.stack([skill.centroid for skill in patterns]))
        likes.append(np.array(held, np.int64))
        counts.append(len(patterns))
        members = sum(skill.members for skill in patterns)
        enough = sum(skill.members for skill in patterns if skill.sample_count >= SAMPLES)
        reported.append(enough / members)
    own, apart = _compared(titles, centroids, likes)
    return Quality(
        join_above,
        own,
        apart,
        float(np.median(counts)),
        float(np.percentile(counts, 95)),
        float(np.mean(reported)),
    )


def _learn(learner: SkillLearner, viewings: list[TasteViewing]) -> None:
    for begin in range(0, len(viewings), 32):
        learner.learn(viewings[begin : begin + 32])
    # Ratings were given in few sittings: nothing of them has decayed.
    at = max(viewing.at for viewing in viewings) + timedelta(days=1)
    step = learner.consolidate(at)
    while not step.finished:
        step = learner.consolidate(at, step.progress)


def _compared(
    titles: Centred, centroids: Sequence[FloatArray], likes: Sequence[NDArray[np.int64]]
) -> tuple[float, float]:
    random = np.random.default_rng(SEED)
    every = np.concatenate(likes)
    own, apart = [], []
    for i, (mine, held) in enumerate(zip(centroids, likes, strict=True)):
        other = centroids[(i + 1 + int(random.integers(len(centroids) - 1))) % len(centroids)]
        rows = titles.centred(held)
        near = (rows @ mine.T).max(axis=1)
        own.append(np.mean(near > (rows @ other.T).max(axis=1)))
        strange = (titles.centred(random.choice(every, OTHERS)) @ mine.T).max(axis=1)
        apart.append(np.mean(near[:, np.newaxis] > strange))
    return float(np.mean(own)), float(np.mean(apart))


if __name__ == "__main__":
    main()

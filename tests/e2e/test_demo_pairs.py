"""The demo under the policy `threshold`, on a small cast: what opens is what counting gives."""

from __future__ import annotations

import json
from dataclasses import asdict
from io import StringIO

from rich.console import Console
from rich.progress import Progress

from omega_cli.demo import page, terminal
from omega_cli.demo.households import Cast
from omega_cli.demo.story import play
from omega_cli.demo.story_pairs import THRESHOLD, PairStory
from omega_embed import open_encoder
from omega_eval.sample import load_sample
from omega_eval.split import split
from omega_eval.synthetic import synthetic_households


class Short(PairStory):
    """Some days of reports."""

    reports = 20
    brain_bytes = 7_000


def test_the_demo_of_pairs_opens_what_counting_by_hand_finds_and_no_more() -> None:
    contents = load_sample()[:150]
    households = split(synthetic_households(contents, 18, seed=5))
    chosen = tuple(i for i, h in enumerate(households) if h.held_out)[:1]
    cast = Cast("a small cast", synthetic=True, contents=tuple(contents), households=households,
                with_brain=chosen)  # fmt: skip
    with Progress(console=Console(file=StringIO())) as progress:
        report = play(cast, open_encoder(kind="lexical"), progress, Short)

    pairs = report.pairs
    assert pairs
    assert pairs.as_plain
    assert pairs.threshold == THRESHOLD
    assert pairs.reporting == 18
    assert 0 < pairs.reports <= 18 * 40
    assert pairs.reports == pairs.counted + pairs.sealed
    assert pairs.titles_open > 10
    assert pairs.groups_sealed > pairs.titles_open
    assert 400 < pairs.bytes_a_report < 600
    # No sketch left a TV, and the model is of titles and pairs that opened.
    assert report.round.sketches == report.traffic.sketches == 0
    assert 0 < report.round.supported_titles <= pairs.titles_open
    assert [row.name for row in report.quality] == ["popularity", "local only", "collective"]
    assert report.stories[0].same_as_measured
    assert report.stories[0].before != report.stories[0].after

    held = {table.name: table for table in pairs.holds}
    assert held["threshold_sealed"].rows == pairs.sealed
    assert held["threshold_pairs"].rows == pairs.titles_open + pairs.pairs_open
    with_device = {name for name, table in held.items() if "device_id" in table.columns}
    assert with_device == {"threshold_issued"}

    shown = StringIO()
    terminal.show(report, Console(file=shown, width=160))
    assert json.loads(json.dumps(asdict(report)))["pairs"]["as_plain"]
    for text in (shown.getvalue(), page.render(report)):
        assert f"{pairs.groups_sealed:,} / {pairs.sealed:,}" in text
        assert "threshold_sealed" in text
        assert "Hurried here" in text
        assert "bytes a push" not in text

"""The demo on a small cast, and what Ctrl-C leaves behind: nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from io import StringIO
from pathlib import Path

import psutil
import pytest
from rich.console import Console
from rich.progress import Progress

from omega_cli.demo import page, terminal
from omega_cli.demo.households import Cast
from omega_cli.demo.story import play
from omega_embed import open_encoder
from omega_eval.sample import load_sample
from omega_eval.split import split
from omega_eval.synthetic import synthetic_households

ROOT = Path(__file__).parents[2]


def test_the_demo_shows_what_it_measured() -> None:
    contents = load_sample()[:150]
    households = split(synthetic_households(contents, 40, seed=5))
    chosen = tuple(i for i, h in enumerate(households) if h.held_out)[:2]
    cast = Cast("a small cast", synthetic=True, contents=tuple(contents), households=households,
                with_brain=chosen)  # fmt: skip
    with Progress(console=Console(file=StringIO())) as progress:
        report = play(cast, open_encoder(kind="lexical"), progress)

    assert report.households == 40
    assert report.round.devices == 40
    assert [row.name for row in report.quality] == ["popularity", "local only", "collective"]
    assert len(report.stories) == 2
    for story in report.stories:
        assert story.same_as_measured
        assert story.before != story.after
        assert not set(story.watched) & {listed.title for listed in story.after}
    assert 0 < report.traffic.push_bytes_max <= 1_024
    assert 0 < report.traffic.pull_bytes <= 5_120
    assert report.traffic.pull_plain_bytes > 600 * report.round.patterns
    assert report.latency.recommend_p50_ms <= report.latency.recommend_p99_ms

    shown = StringIO()
    terminal.show(report, Console(file=shown, width=120))
    drawn = page.render(report)
    assert json.loads(json.dumps(asdict(report)))["titles"] == 150
    for text in (shown.getvalue(), drawn):
        assert "synthetic" in text
        assert f"{report.quality[2].ndcg_at_10:.4f}" in text
        assert report.stories[0].after[0].title[:12] in text
    assert drawn.count("<svg") == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_stops_all_that_it_started(
    number: signal.Signals, tmp_path: Path
) -> None:
    environ = {k: v for k, v in os.environ.items() if k != "OMEGA_DATA"}
    command = [str(Path(sys.prefix) / "bin" / "omega"), "demo", "--page", str(tmp_path / "page")]
    with (tmp_path / "log").open("wb") as log:
        demo = subprocess.Popen(
            command, cwd=ROOT, env=environ, stdout=log, stderr=log, start_new_session=True
        )
    mine = psutil.Process(demo.pid)
    started: list[psutil.Process] = []
    deadline = time.monotonic() + 50
    while not any("omega-brain" in " ".join(_command(p)) for p in started):
        assert demo.poll() is None, (tmp_path / "log").read_text()
        assert time.monotonic() < deadline, (tmp_path / "log").read_text()
        time.sleep(0.1)
        started = mine.children(recursive=True)
    assert any("postgres" in " ".join(_command(p)) for p in started)
    demo.send_signal(number)
    assert demo.wait(30) == 130
    _, alive = psutil.wait_procs(started, timeout=10)
    assert not [p for p in alive if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]
    assert not (tmp_path / "page").exists()


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []

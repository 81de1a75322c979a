"""The report as one self-contained page with plots."""

from __future__ import annotations

import html
import io
from collections.abc import Sequence

import matplotlib as mpl
from matplotlib.figure import Figure

from omega_cli.demo.report import DemoReport, HouseholdStory, PairFigures
from omega_cli.demo.terminal import HURRIED, pair_rows, round_of

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;
color:#1c2330;background:#fbfbfd}
h1{font-size:1.7rem}h2{margin-top:2.2rem}
table{border-collapse:collapse;width:100%;margin:.8rem 0}
th,td{text-align:left;padding:.35rem .6rem;border-bottom:1px solid #dde2ea;vertical-align:top}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
.note{background:#fff3cd;border-left:4px solid #e0a800;padding:.6rem 1rem}
.plots svg{max-width:48%;height:auto}.why{color:#5a6577}
"""


def render(report: DemoReport) -> str:
    """The page."""
    note = (
        '<p class="note">The households of this run are <b>synthetic</b>: made by a seeded '
        "generator. The titles are real.</p>"
        if report.synthetic
        else ""
    )
    stories = "".join(_story(story) for story in report.stories)
    return (
        "<!doctype html><html lang=en><meta charset=utf-8>"
        f"<title>Omega TV demo</title><style>{_STYLE}</style>"
        f"<h1>Omega TV: {html.escape(report.data)}</h1>{note}"
        f"<p>{report.titles:,} titles, {report.households:,} TVs, encoder "
        f"{html.escape(report.model_version)}, {report.seconds:.0f} s in all.</p>"
        f'<div class="plots">{_quality_plot(report)}{_latency_plot(report)}</div>'
        f"<h2>Quality</h2>{_quality(report)}<h2>Figures</h2>{_figures(report)}"
        f"{_pairs(report.pairs) if report.pairs else ''}{stories}</html>"
    )


def _story(story: HouseholdStory) -> str:
    watched = ", ".join(html.escape(title) for title in story.watched)
    rows = [
        (str(rank), was.title, now.title, now.reason)
        for rank, (was, now) in enumerate(zip(story.before, story.after, strict=False), 1)
    ]
    verdict = "" if story.same_as_measured else " (not the list that was scored)"
    return (
        f"<h2>Household {html.escape(story.household_id)}</h2>"
        f"<p>{story.events} viewings. Last liked: {watched}.</p>"
        + _table(("", "alone", f"with the fleet's knowledge{verdict}", "why"), rows)
    )


def _quality(report: DemoReport) -> str:
    heads = ("", "NDCG@10", "HR@10", "Recall@20", "coverage@10", "NDCG vs popularity [95 %]")
    return _table(
        heads,
        [
            (
                row.name,
                f"{row.ndcg_at_10:.4f}",
                f"{row.hit_rate_at_10:.3f}",
                f"{row.recall_at_20:.3f}",
                f"{row.coverage_at_10:.3f}",
                "{:.2f} [{:.2f}, {:.2f}]".format(*row.against_popularity),
            )
            for row in report.quality
        ],
    )


def _figures(report: DemoReport) -> str:
    traffic, latency, done = report.traffic, report.latency, report.round
    rows = [
        (
            "GetRecommendations p50 / p99, ms",
            f"{latency.recommend_p50_ms:.2f} / {latency.recommend_p99_ms:.2f}",
            f"an empty RPC: {latency.empty_p50_ms:.2f}",
        ),
        (
            "ObserveEvent, durable, p50 / p99, ms",
            f"{latency.observe_p50_ms:.2f} / {latency.observe_p99_ms:.2f}",
            "",
        ),
        *(
            [
                (
                    "bytes a push, mean / most",
                    f"{traffic.push_bytes_mean:,.0f} / {traffic.push_bytes_max:,}",
                    "limit: 1,024",
                )
            ]
            if not report.pairs
            else []
        ),
        (
            "bytes of the pull with the news",
            f"{traffic.pull_bytes:,}",
            (
                f"{done.patterns} patterns and new titles; limit: 5,120; "
                f"patterns as float16: {traffic.pull_plain_bytes:,}"
            ),
        ),
        (
            "bytes of the catalogue / of the codebook / of the factors",
            f"{traffic.catalogue_bytes:,} / {traffic.codebook_bytes:,} / {traffic.factors_bytes:,}",
            "once / once / at each new version",
        ),
        ("exchanges / sketches stored", f"{traffic.exchanges:,} / {traffic.sketches:,}", ""),
        (
            "federation round, s",
            f"{done.seconds:.1f}",
            round_of(report),
        ),
    ]
    return _table(("", "value", "beside"), rows)


def _pairs(pairs: PairFigures) -> str:
    held = [(each.name, f"{each.rows:,}", ", ".join(each.columns)) for each in pairs.holds]
    return (
        f"<h2>Reports of pairs</h2>{_table(('', 'value', 'beside'), pair_rows(pairs))}"
        f'<p class="note">{html.escape(HURRIED)}</p>'
        "<p>What the operator's database holds of them:</p>"
        f"{_table(('table', 'rows', 'columns'), held)}"
    )


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{html.escape(text)}</th>" for text in heads)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(text)}</td>" for text in row) + "</tr>" for row in rows
    )
    return f"<table><tr>{head}</tr>{body}</table>"


def _quality_plot(report: DemoReport) -> str:
    figure = Figure(figsize=(5, 3.2), layout="constrained")
    axes = figure.add_subplot(title="NDCG@10, higher is better")
    bars = axes.bar(
        [row.name for row in report.quality],
        [row.ndcg_at_10 for row in report.quality],
        color=["#b8c0cc", "#7da0c4", "#1f5fa8"],
    )
    axes.bar_label(bars, fmt="%.4f")
    axes.spines[["top", "right"]].set_visible(False)
    return _svg(figure)


def _latency_plot(report: DemoReport) -> str:
    latency = report.latency
    values = {
        "empty RPC p50": latency.empty_p50_ms,
        "observe p50": latency.observe_p50_ms,
        "recommend p50": latency.recommend_p50_ms,
        "recommend p99": latency.recommend_p99_ms,
    }
    figure = Figure(figsize=(5, 3.2), layout="constrained")
    axes = figure.add_subplot(title="Milliseconds over local gRPC")
    bars = axes.barh(list(values), list(values.values()), color="#1f5fa8")
    axes.bar_label(bars, fmt="%.2f")
    axes.spines[["top", "right"]].set_visible(False)
    return _svg(figure)


def _svg(figure: Figure) -> str:
    buffer = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none"}):
        figure.savefig(buffer, format="svg")
    drawn = buffer.getvalue()
    return drawn[drawn.index("<svg") :]

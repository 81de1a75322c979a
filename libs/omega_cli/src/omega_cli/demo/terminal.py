"""The report as tables in a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from omega_cli.demo.report import DemoReport, HouseholdStory


def show(report: DemoReport, console: Console) -> None:
    """Prints the report."""
    console.rule(f"Omega TV: {report.data}")
    if report.synthetic:
        console.print(
            "[bold yellow]The households of this run are synthetic; the titles are real.[/]"
        )
    console.print(
        f"{report.titles:,} titles, {report.households:,} TVs, encoder {report.model_version}, "
        f"{report.seconds:.0f} s in all"
    )
    _story(report.stories[0], console)
    console.print(_quality(report))
    console.print(_figures(report))


def _story(story: HouseholdStory, console: Console) -> None:
    console.print(
        f"\n[bold]Household {story.household_id}[/], {story.events} viewings. Last liked:"
    )
    for title in story.watched:
        console.print(f"  · {title}", highlight=False, markup=False)
    table = Table(title="What its TV recommends", show_lines=False, expand=True)
    for heading in ("", "alone", "with the fleet's knowledge", "why"):
        table.add_column(heading, overflow="fold")
    for rank, (was, now) in enumerate(zip(story.before, story.after, strict=False), 1):
        table.add_row(str(rank), was.title, now.title, now.reason)
    console.print(table)
    verdict = "is" if story.same_as_measured else "is NOT"
    console.print(f"The list its brain served {verdict} the list that the table below scores.\n")


def _quality(report: DemoReport) -> Table:
    table = Table(title=f"Quality over {report.scored_households} households, last 20 % held out")
    for heading in ("", "NDCG@10", "HR@10", "Recall@20", "coverage@10", "NDCG vs popularity"):
        table.add_column(heading, justify="left" if not heading else "right")
    for row in report.quality:
        value, low, high = row.against_popularity
        table.add_row(
            row.name,
            f"{row.ndcg_at_10:.4f}",
            f"{row.hit_rate_at_10:.3f}",
            f"{row.recall_at_20:.3f}",
            f"{row.coverage_at_10:.3f}",
            f"{value:.2f} [{low:.2f}, {high:.2f}]".replace("[", r"\["),
        )
    return table


def _figures(report: DemoReport) -> Table:
    traffic, latency, done = report.traffic, report.latency, report.round
    table = Table(title="Figures of this run")
    table.add_column("")
    table.add_column("value", justify="right")
    table.add_column("beside", overflow="fold")
    rows = [
        (
            "GetRecommendations p50 / p99",
            f"{latency.recommend_p50_ms:.2f} / {latency.recommend_p99_ms:.2f} ms",
            f"an empty RPC {latency.empty_p50_ms:.2f} ms",
        ),
        (
            "ObserveEvent, durable, p50 / p99",
            f"{latency.observe_p50_ms:.2f} / {latency.observe_p99_ms:.2f} ms",
            "",
        ),
        (
            "bytes a push, mean / most",
            f"{traffic.push_bytes_mean:,.0f} / {traffic.push_bytes_max:,}",
            f"limit 1,024; {traffic.push_sketches_mean:.1f} sketches on average",
        ),
        (
            "bytes of the pull with the news",
            f"{traffic.pull_bytes:,}",
            (
                f"limit 5,120; {done.patterns} patterns and new titles; "
                f"patterns as float16 {traffic.pull_plain_bytes:,}"
            ),
        ),
        (
            "bytes of resources: catalogue / codebook / factors",
            f"{traffic.catalogue_bytes:,} / {traffic.codebook_bytes:,} / {traffic.factors_bytes:,}",
            "once / once / at each new version",
        ),
        (
            "federation round",
            f"{done.seconds:.1f} s",
            (
                f"{done.devices:,} devices, {done.sketches:,} sketches, "
                f"{done.supported_titles:,} titles with 3 or more devices"
            ),
        ),
    ]
    for row in rows:
        table.add_row(*row)
    return table

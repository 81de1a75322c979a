"""The report as tables in a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from omega_cli.demo.report import DemoReport, HouseholdStory, PairFigures

HURRIED = (
    "Hurried here: a TV sends ten reports a day, at instants that it draws by chance, so that "
    "nobody can tell by the time what goes together; in this run all leave at once. There are "
    "fewer households than in the demo of sketches, and a pair opens sooner than by default, so "
    "quality is not to be compared with it: `omega eval frontier` does that. The randomness server "
    "and the relay are processes of their own, but run on this machine: who runs all of them could "
    "read everything."
)
"""What a run on a desk does not do as a fleet does."""


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
    if report.pairs:
        console.print(_pairs(report.pairs))
        console.print(_held(report.pairs))
        console.print(HURRIED, highlight=False)


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
        *(
            [
                (
                    "bytes a push, mean / most",
                    f"{traffic.push_bytes_mean:,.0f} / {traffic.push_bytes_max:,}",
                    f"limit 1,024; {traffic.push_sketches_mean:.1f} sketches on average",
                )
            ]
            if not report.pairs
            else []
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
            round_of(report),
        ),
    ]
    for row in rows:
        table.add_row(*row)
    return table


def round_of(report: DemoReport) -> str:
    """What a round learned from, in words."""
    done, pairs = report.round, report.pairs
    if pairs:
        return (
            f"{pairs.reports:,} reports of {pairs.reporting:,} TVs, no sketches, "
            f"{done.supported_titles:,} titles with {pairs.threshold} or more reports"
        )
    return (
        f"{done.devices:,} devices, {done.sketches:,} sketches, "
        f"{done.supported_titles:,} titles with 3 or more devices"
    )


def pair_rows(pairs: PairFigures) -> list[tuple[str, str, str]]:
    """Reports of pairs: what, value, beside."""
    verdict = "is" if pairs.as_plain else "is NOT"
    return [
        (
            "reports sent, each alone",
            f"{pairs.reports:,}",
            f"by {pairs.reporting:,} TVs; {pairs.left:,} of their pairs are not due, or not yet",
        ),
        (
            "bytes a report, coins, token and keys with it",
            f"{pairs.bytes_a_report:,.0f}",
            f"at 4,000 a day these reports of a TV take {pairs.days:.0f} days, not seconds",
        ),
        (
            f"open, from {pairs.threshold} reports on: titles / pairs of titles",
            f"{pairs.titles_open:,} / {pairs.pairs_open:,}",
            f"{pairs.counted:,} reports; it {verdict} what counting the households by hand gives",
        ),
        (
            "sealed for good: titles and pairs / reports of them",
            f"{pairs.groups_sealed:,} / {pairs.sealed:,}",
            "nobody can read which; they are deleted when their epoch has closed",
        ),
    ]


def _pairs(pairs: PairFigures) -> Table:
    table = Table(title="Reports of pairs")
    table.add_column("")
    table.add_column("value", justify="right")
    table.add_column("beside", overflow="fold")
    for row in pair_rows(pairs):
        table.add_row(*row)
    return table


def _held(pairs: PairFigures) -> Table:
    table = Table(title="What the operator's database holds of them")
    table.add_column("table")
    table.add_column("rows", justify="right")
    table.add_column("columns", overflow="fold")
    for each in pairs.holds:
        table.add_row(each.name, f"{each.rows:,}", ", ".join(each.columns))
    return table

"""What the demo found, for terminals, pages and machines alike."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Listed:
    """One recommended title."""

    title: str
    """Name and year."""
    reason: str
    """Why, as the brain words it."""
    score: float
    """0 to 1."""


@dataclass(frozen=True)
class HouseholdStory:
    """One household with a brain of its own."""

    household_id: str
    """As in the data set."""
    watched: tuple[str, ...]
    """Its last successes, newest first."""
    events: int
    """Viewings replayed."""
    before: tuple[Listed, ...]
    """Its list before anything was shared."""
    after: tuple[Listed, ...]
    """Its list after the round."""
    same_as_measured: bool
    """Whether the served list is the one that the quality figures score."""


@dataclass(frozen=True)
class TrafficFigures:
    """Bytes on the wire."""

    push_bytes_mean: float
    """Serialised request of an exchange with a full or partial push."""
    push_bytes_max: int
    """Largest of them; the bound is 1,024."""
    push_sketches_mean: float
    """Sketches of such an exchange."""
    pull_bytes: int
    """Serialised response that carried the round's news, under the codebook."""
    pull_plain_bytes: int
    """The same for a TV that knows of no codec: vectors as float16."""
    codebook_bytes: int
    """The codebook resource, once."""
    catalogue_bytes: int
    """The catalogue resource, once."""
    factors_bytes: int
    """The factors resource."""
    exchanges: int
    """Calls of Sync."""
    sketches: int
    """Sketches stored."""


@dataclass(frozen=True)
class LatencyFigures:
    """Milliseconds of calls to a brain over gRPC, one caller."""

    recommend_p50_ms: float
    """GetRecommendations, median."""
    recommend_p99_ms: float
    """GetRecommendations, 99th percentile."""
    observe_p50_ms: float
    """ObserveEvent, durable, median."""
    observe_p99_ms: float
    """ObserveEvent, 99th percentile."""
    empty_p50_ms: float
    """An empty RPC (health check) to the same process: the floor."""
    calls: int
    """GetRecommendations measured."""


@dataclass(frozen=True)
class QualityFigures:
    """Quality of one way to recommend."""

    name: str
    """"popularity", "local only" or "collective"."""
    ndcg_at_10: float
    """Normalised discounted cumulative gain."""
    hit_rate_at_10: float
    """Share of households with a hit."""
    recall_at_20: float
    """Share of held-out titles found."""
    coverage_at_10: float
    """Share of the catalogue shown to anybody."""
    against_popularity: tuple[float, float, float]
    """Ratio of NDCG@10 to popularity's, with its 95 % interval."""


@dataclass(frozen=True)
class RoundFigures:
    """The federation round."""

    seconds: float
    """Call of RunRound."""
    devices: int
    """Distinct devices."""
    sketches: int
    """Distinct sketches."""
    supported_titles: int
    """Titles with at least 3 devices behind them."""
    patterns: int
    """Global patterns, each with at least 3 devices behind it."""
    state_version: int
    """Published version."""


@dataclass(frozen=True)
class TableFigures:
    """One table of the operator's database."""

    name: str
    """Its name."""
    rows: int
    """What it holds at the end."""
    columns: tuple[str, ...]
    """Of each row."""


@dataclass(frozen=True)
class PairFigures:
    """Reports of pairs; the privacy mode `threshold`."""

    threshold: int
    """Reports that open a pair."""
    reporting: int
    """TVs that reported."""
    reports: int
    """Reports that were sent, and taken."""
    bytes_a_report: float
    """Of all messages behind one: report and answer, coins, token, keys; serialised."""
    days: float
    """How long these reports would take a TV that keeps to 4,000 bytes a day."""
    left: int
    """Pairs of these households that were not reported: not due, or not yet come to."""
    titles_open: int
    """Titles that so many TVs have reported."""
    pairs_open: int
    """Pairs of two titles that so many TVs have reported."""
    counted: int
    """Reports behind both."""
    sealed: int
    """Reports that stay sealed, and are forgotten after their epoch."""
    groups_sealed: int
    """Titles and pairs that they are of: nobody can tell which."""
    as_plain: bool
    """Whether what opened is what counting the households' pairs by hand gives, and no more."""
    holds: tuple[TableFigures, ...]
    """What the operator's database has of them."""


@dataclass(frozen=True)
class DemoReport:
    """Everything that is shown."""

    data: str
    """Name of the data set."""
    synthetic: bool
    """Whether the households are synthetic."""
    model_version: str
    """Encoder."""
    titles: int
    """Catalogue."""
    households: int
    """TVs, the real brains included."""
    scored_households: int
    """Households with something held out."""
    stories: tuple[HouseholdStory, ...]
    """The households with a brain."""
    traffic: TrafficFigures
    """Bytes."""
    latency: LatencyFigures
    """Milliseconds."""
    round: RoundFigures
    """The round."""
    quality: tuple[QualityFigures, ...]
    """Popularity, local only, collective."""
    seconds: float
    """The whole run."""
    pairs: PairFigures | None = None
    """None = TVs sent sketches."""

"""Figures of the wire: what a push and a pull hold, how true it arrives, what an update costs."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from omega.common.v1 import resource_pb2
from omega.sync.v1 import sync_service_pb2 as pb
from omega_cli.bench import wire_corpus, wire_day, wire_peers
from omega_cli.bench.figures import Figure
from omega_cli.bench.wire_corpus import Corpus
from omega_core import limits, validate
from omega_core.errors import ErrorCode, OmegaError
from omega_core.vectors import FloatArray, unit
from omega_delta import GlobalPattern, Trend, Trends
from omega_delta.transform import (
    STATE_BUDGET,
    Codebook,
    CodedState,
    News,
    NewTitles,
    code_state,
    decode_news,
    encode_news,
    patterns_of,
)
from omega_learn import patterns as learnt

RESPONSE = 5_120
"""Largest answer, in bytes."""
_VERSION = 40
_TRENDS = 10


@dataclass(frozen=True)
class Plan:
    """Sizes of a run; the defaults are those that the goals speak of."""

    patterns: int = 64
    """Global patterns of a state, 4 to 88."""
    titles: int = 64
    """New titles that wait, 1 to 1,024."""
    draws: int = 5
    """Pulls that are measured, 1 to 100."""
    training: int = 100
    """Draws of other households' tastes that the codebook is trained from, 1 to 1,000."""
    rounds: int = 10
    """Versions over which updates are counted, 1 to 32."""
    households: int = 0
    """Households whose budgets are checked, 0 = all that are measured."""
    day: bool = False
    """Whether a day of a real TV is measured, too: some minutes."""
    encoder: str = "minilm"
    """Encoder of the titles: "minilm", or "lexical" to do without a model."""
    cache_dir: Path | None = None
    """Where `omega model install` put the model; None = its default place."""

    def __post_init__(self) -> None:
        validate.integer("patterns", self.patterns, 4, 88)
        validate.integer("titles", self.titles, 1, 1_024)
        validate.integer("draws", self.draws, 1, 100)
        validate.integer("training", self.training, 1, 1_000)
        validate.integer("rounds", self.rounds, 1, 32)
        validate.integer("households", self.households, 0, 100_000)


@dataclass
class _Pulls:
    """What the measured pulls gave."""

    patterns: list[int] = field(default_factory=list)
    contents: list[int] = field(default_factory=list)
    alone: list[int] = field(default_factory=list)
    pattern_cosines: list[NDArray[np.float32]] = field(default_factory=list)
    placed_cosines: list[NDArray[np.float32]] = field(default_factory=list)
    content_cosines: list[NDArray[np.float32]] = field(default_factory=list)
    encoding: list[float] = field(default_factory=list)
    decoding: list[float] = field(default_factory=list)


def measure(plan: Plan, say: Callable[[str], None]) -> dict[str, Figure]:
    """Every figure; `say` hears what is being done.

    Raises:
        OmegaError: MODEL_UNAVAILABLE, or INVALID_FIELD that names OMEGA_DATA; INTERNAL when a
            message breaks its budget.
    """
    say("titles and households")
    corpus = wire_corpus.load(plan.encoder, plan.cache_dir)
    say("the codebook")
    book = corpus.codebook(plan.training, plan.patterns)
    figures = _push(corpus.model_version, book)
    say("pulls")
    figures |= _pull(corpus, book, plan)
    say("updates")
    figures |= _updates(corpus, book, plan)
    if plan.day:
        figures |= wire_day.measure(corpus, book, plan.encoder, plan.cache_dir, plan.patterns, say)
    return figures | _budgets(corpus, book, plan, say)


def response(model_version: str, delta: bytes) -> bytes:
    """A whole answer with what it always carries, and three resources that are news."""
    message = pb.SyncResponse(
        accepted_sketches=18,
        state_version=_VERSION,
        compression=resource_pb2.COMPRESSION_NONE,
        delta=delta,
        codec=resource_pb2.CODEC_TRANSFORM,
        pages=1,
    )
    message.retry_after.FromMilliseconds(600_123)
    for kind in (
        resource_pb2.RESOURCE_KIND_CATALOGUE,
        resource_pb2.RESOURCE_KIND_FACTORS,
        resource_pb2.RESOURCE_KIND_CODEBOOK,
    ):
        message.resources.add(
            kind=kind,
            version=1_000,
            size_bytes=10_000_000,
            sha256=bytes(range(32)),
            model_version=model_version,
            base_version=999,
        )
    return message.SerializeToString()


def _room(model_version: str) -> int:
    """Bytes of an answer that are left to the news."""
    return RESPONSE - len(response(model_version, bytes(RESPONSE))) + RESPONSE


def _push(model_version: str, book: Codebook) -> dict[str, Figure]:
    rng = np.random.default_rng(0)

    def size(sketches: int) -> int:
        message = pb.SyncRequest(
            request_id=str(uuid.UUID(int=1)),
            model_version=model_version,
            sketches=rng.bytes(limits.SKETCH_BYTES * sketches),
            classes=bytes(range(1, sketches + 1)),
            state_version=_VERSION,
            sigma_hundredths=450,
            codec=resource_pb2.CODEC_TRANSFORM,
            codebook_id=book.id,
        )
        for kind in (1, 2, 3):
            message.held.add(kind=kind, version=1_000)
        return message.ByteSize()

    most = max(n for n in range(limits.MAX_PUSH_SKETCHES + 1) if size(n) <= limits.MAX_SYNC_REQUEST)
    bits = float(limits.MAX_SYNC_REQUEST // limits.SKETCH_BYTES)
    return {"push_sketches_1024": Figure(most, "sketches", ">= 16", {"bare sketches": bits})}


def _pull(corpus: Corpus, book: Codebook, plan: Plan) -> dict[str, Figure]:
    room, found = _room(corpus.model_version), _Pulls()
    new = np.flatnonzero(corpus.held_out)
    for draw in range(plan.draws):
        patterns = _published(corpus.patterns(corpus.liked, plan.patterns, 100 + draw))
        rng = np.random.default_rng(draw)
        rows = corpus.titles[rng.choice(new, min(plan.titles, len(new)), replace=False)]
        titles = NewTitles(7, np.arange(len(rows), dtype=np.uint32) + len(corpus.titles), rows)
        begun = time.process_time()
        state = code_state(book, _VERSION, patterns, None, STATE_BUDGET)
        body = encode_news(book, state, None, _trends(corpus, draw), titles, room)
        found.encoding.append(time.process_time() - begun)
        _held(response(corpus.model_version, body))
        begun = time.process_time()
        news = decode_news(body, book, None)
        made = patterns_of(news.state, book)
        found.decoding.append(time.process_time() - begun)
        _compare(found, corpus, patterns, made, rows, news)
        plain = decode_news(encode_news(book, state, None, None, titles, room), book, None)
        found.alone.append(_count(plain))
    room_alone = wire_peers.fitting(patterns, corpus.model_version, room)
    cosines, placed = np.concatenate(found.pattern_cosines), np.concatenate(found.placed_cosines)
    contents = np.concatenate(found.content_cosines)
    seen = corpus.titles[~corpus.held_out]
    return {
        "pull_patterns_5120": Figure(
            min(found.patterns),
            "patterns",
            ">= 64",
            {f"{k}, alone": v for k, v in room_alone.items()},
        ),
        "pull_contents_5120": Figure(
            min(found.contents), "titles", ">= 48", {"without trends": min(found.alone)}
        ),
        "pull_pattern_cosine": Figure(
            float(placed.mean()),
            "",
            ">= .985",
            {
                "p5": _p5(placed),
                "centred": float(cosines.mean()),
                "centred p5": _p5(cosines),
                **wire_peers.cosines(np.stack([p.embedding for p in patterns]), seen),
            },
        ),
        "pull_content_cosine": Figure(
            float(contents.mean()),
            "",
            ">= .965",
            {"p5": _p5(contents), **wire_peers.cosines(rows, seen)},
        ),
        "encode_ms": Figure(min(found.encoding) * 1e3, "ms of CPU a pull", "<= 1,000"),
        "decode_ms": Figure(min(found.decoding) * 1e3, "ms of CPU a pull", ""),
        "codebook_bytes": Figure(len(book.body), "bytes", ""),
    }


def _compare(
    found: _Pulls,
    corpus: Corpus,
    sent: Sequence[GlobalPattern],
    made: Sequence[GlobalPattern],
    rows: FloatArray,
    news: News,
) -> None:
    """Notes how many vectors arrived, and how near to what was sent."""
    by_id = {p.pattern_id: p.embedding for p in made}
    pairs = [(p.embedding, by_id[p.pattern_id]) for p in sent if p.pattern_id in by_id]
    before, after = (np.stack([pair[side] for pair in pairs]) for side in (0, 1))
    found.patterns.append(len(pairs))
    found.pattern_cosines.append(np.einsum("ij,ij->i", before, after))
    # A taste's place among the titles, where a title of that direction lies.
    radius = np.float32(np.sqrt(1 - float(corpus.mean @ corpus.mean)))
    placed = [unit(corpus.mean + radius * side) for side in (before, after)]
    found.placed_cosines.append(np.einsum("ij,ij->i", *placed))
    arrived = _count(news)
    found.contents.append(arrived)
    if news.titles is not None:
        found.content_cosines.append(
            np.einsum("ij,ij->i", rows[len(rows) - arrived :], news.titles.embeddings)
        )


def _updates(corpus: Corpus, book: Codebook, plan: Plan) -> dict[str, Figure]:
    """Bytes a changed pattern over rounds in which a few households more take part.

    Patterns keep ids as the federation worker has it. Each version also codes a part of the
    patterns anew, and those bytes count as well.
    """
    first = len(corpus.liked) * 3 // 4
    more = max(1, (len(corpus.liked) - first) // plan.rounds)
    before = corpus.patterns(corpus.liked[:first], plan.patterns, 0)
    state = code_state(book, _VERSION - 15, _published(before), None, STATE_BUDGET)
    sizes, changed = 0, 0
    cosines: FloatArray = np.zeros(0, np.float32)
    for turn in range(1, plan.rounds + 1):
        start = np.stack([p.embedding for p in before])
        drawn = corpus.patterns(corpus.liked[: first + turn * more], plan.patterns, 0, start)
        now = _named(before, drawn)
        held = {p.pattern_id: p for p in before}
        changed += sum(held.get(p.pattern_id) is not p for p in now)
        following = code_state(book, _VERSION - 15 + turn, _published(now), state, STATE_BUDGET)
        body = encode_news(book, following, state, None, None, RESPONSE)
        sizes += len(body)
        state, before = following, now
        made = {p.pattern_id: p.embedding for p in patterns_of(state, book)}
        cosines = np.array([p.embedding @ made[p.pattern_id] for p in now], np.float32)
    return {
        "update_bytes": Figure(
            sizes / max(changed, 1),
            "bytes",
            "<= 6",
            {
                "a new pattern": len(encode_news(book, state, None, None, None, RESPONSE))
                / max(len(state.ids), 1),
                "changed patterns a round": changed / plan.rounds,
                "centred cosine after the last": float(cosines.mean()),
            },
        )
    }


def _budgets(
    corpus: Corpus, book: Codebook, plan: Plan, say: Callable[[str], None]
) -> dict[str, Figure]:
    """Pulls made of each household's own taste, whatever it is: every answer keeps its budget."""
    room = _room(corpus.model_version)
    new = np.flatnonzero(corpus.held_out)
    chosen = corpus.liked[: plan.households or None]
    longest = 0
    state: CodedState | None = None
    for place, liked in enumerate(chosen):
        say(f"budgets of households, {place} of {len(chosen)}")
        rng = np.random.default_rng(place)
        rows = corpus.titles[rng.choice(new, min(plan.titles, len(new)), replace=False)]
        titles = NewTitles(7, np.arange(len(rows), dtype=np.uint32), rows)
        patterns = _published(corpus.patterns([liked], plan.patterns, place))
        state = code_state(book, _VERSION + place, patterns, state, STATE_BUDGET)
        body = encode_news(book, state, None, _trends(corpus, place), titles, room)
        longest = max(longest, _held(response(corpus.model_version, body)))
    return {
        "budgets_held": Figure(
            len(chosen),
            "households",
            f"= {len(chosen)}",
            {"longest answer, bytes": float(longest), "bound, bytes": float(RESPONSE)},
        )
    }


def _held(answer: bytes) -> int:
    if len(answer) > RESPONSE:
        raise OmegaError(ErrorCode.INTERNAL, detail=f"an answer of {len(answer):,} bytes")
    return len(answer)


def _trends(corpus: Corpus, seed: int) -> Trends:
    rng = np.random.default_rng(seed)
    ordinals = np.sort(rng.choice(len(corpus.titles), _TRENDS, replace=False)).tolist()
    at = datetime(2026, 11, 29, tzinfo=UTC)
    scores = rng.uniform(0.05, 1.0, _TRENDS).tolist()
    trends = [
        Trend(o, s, bool(i % 2)) for i, (o, s) in enumerate(zip(ordinals, scores, strict=True))
    ]
    return Trends(7, at, tuple(trends))


def _count(news: News) -> int:
    return 0 if news.titles is None else len(news.titles.ordinals)


def _p5(values: NDArray[np.float32]) -> float:
    return float(np.quantile(values, 0.05))


def _named(
    before: Sequence[learnt.GlobalPattern], drawn: Sequence[learnt.GlobalPattern]
) -> tuple[learnt.GlobalPattern, ...]:
    """The patterns drawn under the ids of those that they continue, else under new ones."""
    named = learnt.stable_ids(before, tuple(replace(p, pattern_id=0) for p in drawn))
    fresh = count(max(p.pattern_id for p in before) + 1)
    return tuple(p if p.pattern_id else replace(p, pattern_id=next(fresh)) for p in named)


def _published(patterns: Sequence[learnt.GlobalPattern]) -> tuple[GlobalPattern, ...]:
    return tuple(
        GlobalPattern(p.pattern_id, p.embedding, p.success_rate, p.device_count_floor, p.weight)
        for p in patterns
    )

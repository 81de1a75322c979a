"""Random histories of TVs, a shard and the line between them, and what must hold at their end."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree, rmtree

from tests.sync.convergence.shard import CALLED, Shard
from tests.sync.convergence.tv import CODEBOOK, TRANSFORM, Tv

from omega.common.v1 import resource_pb2
from omega.constellation.v1 import constellation_service_pb2 as upstream_pb
from omega.sync.v1 import sync_service_pb2 as pb
from omega_core import limits
from omega_core.errors import OmegaError
from omega_core.vectors import pack_f16
from omega_delta import content_to_proto
from omega_store import coded, states
from omega_store.trends import TrendList
from omega_testing.codebooks import alike, narrow_codebook, patterns_alike
from omega_testing.fleet import MODEL, NOW, registered, titles
from omega_testing.published import publish

CODECS = (TRANSFORM, TRANSFORM, resource_pb2.CODEC_U8_ZSTD, resource_pb2.CODEC_F16_ZSTD, 0)
EVENTS = 40
"""Events of a history."""
_MOST_LIVE = 14
_ROUNDS = 8


class LostError(Exception):
    """The line broke."""


@dataclass
class Sent:
    """A request that may yet arrive, and what became of its call at the TV."""

    tv: Tv
    """Who sent it."""
    request: pb.SyncRequest
    """As sent."""
    waits: bool = True
    """Whether the TV still waits for the answer; one that does not drops it."""


class History:
    """One history; every choice follows from the seed."""

    def __init__(self, shard: Shard, made: Path, path: Path, seed: int) -> None:
        self._shard = shard
        self._chance = random.Random(seed)  # noqa: S311 - no secret
        self._path = path
        self._template = made
        self._tvs = [self._tv(n, self._chance.choice(CODECS)) for n in range(2)]
        self._line: list[Sent] = []
        self._answers: list[tuple[Sent, pb.SyncResponse]] = []
        self.told: list[str] = []
        """What happened, for whoever reads a failure."""

    def run(self) -> None:
        """Everything that may happen, in any order; then a line that works; then what must hold."""
        chances: list[tuple[int, Callable[[], None]]] = [
            (6, self.observe),
            (8, self.send),
            (8, self.deliver),
            (8, self.answer),
            (2, self.lose_request),
            (2, self.lose_answer),
            (2, self.cut_after_push),
            (2, self.crash_tv),
            (2, self.crash_server),
            (4, self.publish),
            (1, self.publish_titles),
            (1, self.rotate_codebook),
            (2, self.poll),
        ]
        weights, events = zip(*chances, strict=True)
        for event in self._chance.choices(events, weights, k=EVENTS):
            self.told.append(event.__name__)
            event()
            self._check_acknowledged()
        self._converge()

    def observe(self) -> None:
        """A TV makes a sketch."""
        self._any().observe()

    def send(self) -> None:
        """A TV begins an exchange, whatever became of the one before."""
        tv = self._any()
        for sent in self._line:
            sent.waits &= sent.tv is not tv
        for sent, _ in self._answers:
            sent.waits &= sent.tv is not tv
        self._line.append(Sent(tv, tv.request()))

    def deliver(self) -> None:
        """A request arrives, perhaps late, perhaps not for the last time."""
        if not self._line:
            return
        sent = self._chance.choice(self._line)
        if self._chance.random() < 0.7:
            self._line.remove(sent)
        self._answers.append((sent, self._shard.exchange(sent.request, sent.tv.device_id)))

    def answer(self) -> None:
        """An answer arrives; the TV may die on the way through it."""
        if not self._answers:
            return
        sent, answer = self._answers.pop(self._chance.randrange(len(self._answers)))
        if not sent.waits:
            return
        sent.waits = False
        dies = self._chance.random()
        if dies < 0.1:
            sent.tv.crash()
            return
        sent.tv.acknowledge(sent.request.request_id)
        if dies < 0.2:
            sent.tv.crash()
            return
        self._take(sent.tv, answer, loss=0.1)

    def lose_request(self) -> None:
        """A request never arrives."""
        if self._line:
            self._line.pop(self._chance.randrange(len(self._line))).waits = False

    def lose_answer(self) -> None:
        """An answer never arrives."""
        if self._answers:
            self._answers.pop(self._chance.randrange(len(self._answers)))[0].waits = False

    def cut_after_push(self) -> None:
        """The server dies between the push, which is durable, and the news."""
        if not self._line:
            return
        sent = self._line.pop(self._chance.randrange(len(self._line)))
        with self._shard.cut_after_push():
            try:
                self._shard.exchange(sent.request, sent.tv.device_id)
            except OmegaError:
                self._shard.crash()

    def crash_tv(self) -> None:
        """A TV loses power; its calls end with it."""
        tv = self._any()
        for sent in self._line:
            sent.waits &= sent.tv is not tv
        for sent, _ in self._answers:
            sent.waits &= sent.tv is not tv
        tv.crash()

    def crash_server(self) -> None:
        """Constellation and gateway are killed; requests under way are repeated by nobody."""
        self._shard.crash()

    def publish(self) -> None:
        """A round: patterns come, change and go, and sometimes trends."""
        with self._shard.store.statements() as conn:
            live = [p.pattern_id for p in states.patterns(conn)]
        self._chance.shuffle(live)
        gone, rest = live[: len(live) // 6], live[len(live) // 6 :]
        changed = rest[: self._chance.randrange(4)]
        new = self._chance.randrange(1, 4) if len(rest) < _MOST_LIVE else 0
        ids = [*changed, *[0] * new]
        rising = TrendList(1, NOW, {"": {self._chance.randrange(9): 0.5}})
        publish(
            self._shard.store,
            patterns_alike(len(ids), self._chance.randrange(2**32), ids=ids),
            gone,
            trends=rising if not ids or self._chance.random() < 0.3 else None,
        )

    def publish_titles(self) -> None:
        """The operator adds a title, or changes one."""
        number = self._chance.randrange(40)
        row = titles(number + 1)[number]
        self._shard.constellation.UpsertContents(
            upstream_pb.UpsertContentsRequest(
                contents=[
                    upstream_pb.EmbeddedContent(
                        content=content_to_proto(row.content),
                        embedding=pack_f16(alike(1, self._chance.randrange(99))[0]),
                    )
                ],
                model_version=MODEL,
                publish=True,
            ),
            CALLED,
        )

    def rotate_codebook(self) -> None:
        """The operator publishes another codebook."""
        body = narrow_codebook(self._chance.randrange(4)).body
        request = upstream_pb.PublishCodebookRequest(body=body)
        self._shard.constellation.PublishCodebook(request, CALLED)

    def poll(self) -> None:
        """The gateway hears what is newest."""
        self._shard.poll()

    def _any(self) -> Tv:
        return self._chance.choice(self._tvs)

    def _tv(self, number: int, codec: int) -> Tv:
        path = self._path / f"tv{number}"
        copytree(self._template, path.with_name(f"{path.name}-0"))
        (device_id,) = registered(self._shard.store, 1)
        return Tv(path, device_id, codec, self._chance.getrandbits(32))  # type: ignore[arg-type]  # an enum's number

    def _take(self, tv: Tv, answer: pb.SyncResponse, loss: float) -> None:
        assert answer.ByteSize() <= limits.MAX_SYNC_ANSWER or not answer.codec

        def next_page(asked: pb.PullPatternsRequest) -> pb.PullPatternsResponse:
            if self._chance.random() < loss:
                raise LostError
            page = self._shard.pull(asked, tv.device_id)
            assert page.ByteSize() <= limits.MAX_SYNC_ANSWER
            return page

        try:
            tv.take(answer, next_page)
            for info in answer.resources:
                if (
                    info.kind == CODEBOOK
                    and tv.codec == TRANSFORM
                    and self._chance.random() >= loss
                ):
                    tv.keep_codebook(info, self._shard.body(info))
        except (LostError, OmegaError) as error:
            # A body may be gone by the time that it is asked for; the TV goes on with what it has.
            self.told.append(f"{tv.device_id}: {error!r}")

    def _converge(self) -> None:
        """Brings all TVs up to date over a line that works, and compares them with a new one."""
        for sent in self._line:
            self._shard.exchange(sent.request, sent.tv.device_id)  # late, and for nobody
        self._shard.poll()
        for tv in self._tvs:
            self._up_to_date(tv)
            self._check_stored(tv)
            fresh = self._tv(10 + self._tvs.index(tv), tv.codec)
            self._up_to_date(fresh)
            assert tv.state == fresh.state
            self._check_published(tv)
            fresh.close()

    def _up_to_date(self, tv: Tv) -> None:
        for _ in range(_ROUNDS):
            request = tv.request()
            answer = self._shard.exchange(request, tv.device_id)
            tv.acknowledge(request.request_id)
            self._take(tv, answer, loss=0.0)
            newer = tv.codec == TRANSFORM and any(r.kind == CODEBOOK for r in answer.resources)
            if not (request.sketches or answer.delta or newer):
                return
        raise AssertionError(f"a TV is not up to date after {_ROUNDS} exchanges")

    def _check_acknowledged(self) -> None:
        for tv in self._tvs:
            stored = _stored(self._shard, tv)
            assert max(stored.values(), default=1) == 1
            assert tv.acknowledged <= stored.keys()

    def _check_stored(self, tv: Tv) -> None:
        assert not tv.pending
        assert _stored(self._shard, tv) == Counter(tv.observed)

    def _check_published(self, tv: Tv) -> None:
        with self._shard.store.statements() as conn:
            newest = states.current(conn).version
            book = tv.codebook
            canonical = coded.get(conn, newest, book.id) if book else None
        version, codebook_id, body, *_ = tv.state
        assert version == newest
        if canonical:
            assert (codebook_id, body) == (book.id if book else 0, canonical)

    def close(self) -> None:
        """Switches every TV off and removes what it kept."""
        for tv in self._tvs:
            tv.close()
        rmtree(self._path)


def _stored(shard: Shard, tv: Tv) -> Counter[bytes]:
    """The sketches that Postgres holds of a TV, each as often as it is there."""
    size = limits.SKETCH_BYTES
    with shard.store.statements() as conn:
        rows = conn.execute(
            "SELECT sketches FROM pushes WHERE device_id = %s", (tv.device_id,), binary=True
        ).fetchall()
    return Counter(
        bytes(body[at : at + size]) for (body,) in rows for at in range(0, len(body), size)
    )

"""A TV's side of the protocol on its real database, without what ranks and learns."""

from __future__ import annotations

import random
import shutil
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np

from omega.common.v1 import resource_pb2
from omega.sync.v1 import sync_service_pb2 as pb
from omega_brain.deltas import Collective, Holding, start_afresh
from omega_brain.fleet import Fleet
from omega_brain.pages_of_news import collect
from omega_brain.stores import Stores
from omega_core import limits
from omega_core.clock import ManualClock
from omega_core.content import Content, ContentKind
from omega_core.errors import ErrorCode, OmegaError
from omega_delta import decode_state_delta, join_state_deltas
from omega_delta.transform import Codebook
from omega_persistence import Contents, Database, StoredContent
from omega_persistence.coded_state import CodedStates
from omega_persistence.patterns import GlobalPatterns, StoredPattern
from omega_persistence.resources import ResourceKey, Resources
from omega_persistence.sketches import Sketches
from omega_persistence.title_vectors import TitleVectors
from omega_persistence.trends import Trends
from omega_testing.codebooks import alike
from omega_testing.fleet import MODEL, NOW

TITLES = 16
"""Titles that a TV can report."""
TRANSFORM = resource_pb2.Codec.CODEC_TRANSFORM
F16 = resource_pb2.Codec.CODEC_F16_ZSTD
CODEBOOK = resource_pb2.ResourceKind.RESOURCE_KIND_CODEBOOK
_PUSH = 3
_NOISE = np.ones(limits.DIMENSION, np.float32)
_MISFITS = {ErrorCode.INVALID_FIELD, ErrorCode.ENCODER_MISMATCH}
NextPage = Callable[[pb.PullPatternsRequest], pb.PullPatternsResponse]


def template(path: Path) -> None:
    """Makes a database that holds the titles; copying it is faster than making another."""
    database = Database.open(path / "tv.db", clock=ManualClock(NOW))
    Contents(database).upsert(
        [
            StoredContent(
                content=Content(f"t{i}", f"Title {i}", ContentKind.MOVIE),
                embedding=vector,
                model_version=MODEL,
                ordinal=i,
            )
            for i, vector in enumerate(alike(TITLES))
        ]
    )
    database.close()


class Tv:
    """One TV. Its memory is its database, so a crash is a copy of the files that is opened anew."""

    def __init__(
        self, path: Path, device_id: str, codec: resource_pb2.Codec.ValueType, seed: int
    ) -> None:
        self.device_id = device_id
        self.codec = codec
        self.observed: set[bytes] = set()
        """Sketches that were made and are durable."""
        self._path = path
        self._lives = 0
        self._chance = random.Random(seed)  # noqa: S311 - no secret
        self._open()

    def observe(self) -> None:
        """A title became a success: its sketch is queued, once."""
        with self._database.read() as connection:
            reported = {row for (row,) in connection.execute("SELECT content_rowid FROM sketches")}
        left = [row for row in range(1, TITLES + 1) if row not in reported]
        if not left:
            return
        sketch = self._chance.randbytes(limits.SKETCH_BYTES)
        self._sketches.store(
            self._chance.choice(left),
            _NOISE,
            sketch,
            self._chance.randrange(32),
            sigma_hundredths=500,
            model_version=MODEL,
            now=NOW,
            release_at=NOW,
        )
        self.observed.add(sketch)

    def request(self) -> pb.SyncRequest:
        """The next exchange; an open push comes again with equal bytes."""
        push = self._sketches.next_push(_PUSH, model_version=MODEL)
        self._told = self._holding()
        request = pb.SyncRequest(
            request_id=push.request_id if push else str(self._drawn()),
            model_version=MODEL,
            state_version=self._told.version,
            held=[
                resource_pb2.HeldResource(kind=CODEBOOK, version=key.version)
                for key in self._resources.held()
            ],
            codec=self._told.codec,
            codebook_id=self._told.codebook_id,
        )
        if push:
            request.sketches, request.classes = push.sketches, push.classes
            request.sigma_hundredths = push.sigma_hundredths
        self._request = request
        return request

    def acknowledge(self, request_id: str) -> None:
        """The push of that request is stored."""
        self._sketches.acknowledge(request_id)

    def take(self, answer: pb.SyncResponse, next_page: NextPage) -> None:
        """Takes up the answer of the last request, all pages or none."""
        fleet = cast("Fleet", SimpleNamespace(pull=next_page))
        found = collect(fleet, self._request, answer)
        try:
            if self.codec == TRANSFORM:
                self._collective.take(self._told, found.answer, found.rest)
            elif found.answer.delta:
                self._take_plain(found.answer, found.rest)
        except OmegaError as error:
            # What does not fit what is held starts afresh.
            if error.code not in _MISFITS:
                raise
            start_afresh(self._stores)

    def keep_codebook(self, info: resource_pb2.ResourceInfo, body: bytes) -> None:
        """Holds another codebook from now on."""
        key = ResourceKey(info.kind, info.version, info.size_bytes, info.sha256, info.model_version)
        self._resources.store(key, body)

    def crash(self) -> None:
        """Power is cut: what is on disk at this instant is what there is."""
        was = self._directory
        self._lives += 1
        shutil.copytree(was, self._directory)
        self._database.close()
        shutil.rmtree(was)
        self._open()

    def back_up(self) -> None:
        """Sets the present files aside."""
        self._saved = self._path.with_name(f"{self._path.name}-saved")
        shutil.copytree(self._directory, self._saved)

    def restore(self) -> None:
        """Puts the files of back_up() back."""
        self._database.close()
        shutil.rmtree(self._directory)
        shutil.copytree(self._saved, self._directory)
        self._open()

    def close(self) -> None:
        """Switches it off."""
        self._database.close()

    @property
    def version(self) -> int:
        """Of the state that is held."""
        return self._patterns.version()

    @property
    def acknowledged(self) -> set[bytes]:
        """Sketches that the TV takes for stored."""
        with self._database.read() as connection:
            rows = connection.execute("SELECT sketch FROM sketches WHERE state = 2").fetchall()
        return {bytes(sketch) for (sketch,) in rows}

    @property
    def pending(self) -> int:
        """Sketches that are not acknowledged."""
        return self._sketches.pending_count()

    @property
    def codebook(self) -> Codebook | None:
        """The codebook that is held."""
        stored = self._resources.get(CODEBOOK)
        return Codebook.decode(stored.body) if stored else None

    @property
    def state(self) -> tuple[object, ...]:
        """All that is held of the collective state, to the bit."""
        held = self._coded.held()
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT * FROM global_patterns ORDER BY pattern_id"
            ).fetchall()
            trends = connection.execute("SELECT * FROM trends ORDER BY ordinal").fetchall()
        form = (held.codebook_id, held.body) if held else (0, b"")
        return self.version, *form, rows, trends if self.codec == TRANSFORM else []

    @property
    def _directory(self) -> Path:
        return self._path.with_name(f"{self._path.name}-{self._lives}")

    def _open(self) -> None:
        self._database = Database.open(self._directory / "tv.db", clock=ManualClock(NOW))
        self._sketches = Sketches(self._database)
        self._patterns = GlobalPatterns(self._database)
        self._coded = CodedStates(self._database)
        self._resources = Resources(self._database)
        self._stores = cast(
            "Stores",
            SimpleNamespace(
                database=self._database,
                patterns=self._patterns,
                coded=self._coded,
                resources=self._resources,
                trends=Trends(self._database),
                title_vectors=TitleVectors(self._database),
            ),
        )
        self._collective = Collective(self._stores)

    def _holding(self) -> Holding:
        if self.codec == TRANSFORM:
            return self._collective.holding()
        return Holding(self.codec, version=self._patterns.version())

    def _take_plain(self, answer: pb.SyncResponse, rest: Sequence[bytes]) -> None:
        """As a TV of an earlier release, or one that reads fallback codecs alone."""
        codec = answer.codec or F16
        delta = join_state_deltas([decode_state_delta(p, codec) for p in (answer.delta, *rest)])
        self._patterns.apply_delta(
            base_version=delta.base_version,
            version=delta.version,
            patterns=[
                StoredPattern(
                    p.pattern_id, p.embedding, p.success_rate, p.device_count_floor, p.weight
                )
                for p in delta.patterns
            ],
            removed_ids=delta.removed_pattern_ids,
            model_version=delta.model_version,
        )

    def _drawn(self) -> uuid.UUID:
        return uuid.UUID(int=self._chance.getrandbits(128))

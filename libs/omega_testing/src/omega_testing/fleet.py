"""Made-up devices, pushes, titles and patterns for tests and benchmarks of the shard."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

from omega_core import limits
from omega_core.content import Availability, Content, ContentKind, Provider
from omega_core.vectors import FloatArray, unit
from omega_store import Connection, Store, devices
from omega_store.contents import EmbeddedContent
from omega_store.pushes import Push
from omega_store.states import Pattern

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
"""An instant for tests that fix their clock."""
MODEL = "lexical-384-r1"
"""An encoder's name."""


def register(conn: Connection, number: int, now: datetime = NOW, *, region: str = "") -> list[str]:
    """Registers so many new devices; returns their ids in order of registration."""
    ids = [f"tv-{uuid.uuid4().hex}" for _ in range(number)]
    for device_id in ids:
        devices.register(
            conn,
            device_id=device_id,
            request_id=str(uuid.uuid4()),
            platform="test",
            app_version="1",
            now=now,
            region=region,
        )
    return ids


def registered(store: Store, number: int, now: datetime = NOW, *, region: str = "") -> list[str]:
    """register() in a transaction of its own."""
    with store.transaction() as conn:
        return register(conn, number, now, region=region)


def push(device_id: str, sketches: int = 4, *, model_version: str = MODEL, seed: int = 0) -> Push:
    """A push with a fresh request id and so many random sketches."""
    random = np.random.default_rng(seed)
    return Push(
        device_id=device_id,
        request_id=str(uuid.uuid4()),
        model_version=model_version,
        sketches=random.bytes(limits.SKETCH_BYTES * sketches),
        classes=bytes(random.integers(0, 32, sketches, np.uint8)),
    )


def vectors(number: int, seed: int = 0) -> FloatArray:
    """Random unit rows, float32 (number, 384), exact in float16 up to rounding."""
    random = np.random.default_rng(seed)
    rows = unit(random.standard_normal((number, limits.DIMENSION)).astype(np.float32))
    return rows.astype(np.float16).astype(np.float32)


def titles(number: int, seed: int = 0) -> list[EmbeddedContent]:
    """So many titles, "t0", "t1" and on, with random vectors."""
    return [
        EmbeddedContent(
            Content(
                content_id=f"t{i}",
                title=f"Title {i}",
                kind=ContentKind.MOVIE,
                genres=("Drama", "Comedy"),
                year=1990 + i % 30,
                country="FR",
                description="A title that was made up.",
                providers=(Provider("p1", "Provider", Availability.FREE),),
                minimum_age=(None, 0, 16)[i % 3],
            ),
            vector,
        )
        for i, vector in enumerate(vectors(number, seed))
    ]


def patterns(number: int, seed: int = 0, *, ids: Sequence[int] = ()) -> list[Pattern]:
    """So many patterns with random vectors; without ids they are new."""
    return [
        Pattern(
            pattern_id=ids[i] if ids else 0,
            embedding=vector,
            success_rate=0.75,
            device_count_floor=4,
            weight=0.5,
        )
        for i, vector in enumerate(vectors(number, seed))
    ]

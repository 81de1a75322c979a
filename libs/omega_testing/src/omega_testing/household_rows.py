"""What a TV counts as reported, beside what a shard holds: rows of both databases."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

_ACKNOWLEDGED = 2
_SKETCH = 48


def acknowledged(storage: Path) -> set[bytes]:
    """Sketches that the brain with this storage, which may be running, counts as acknowledged."""
    with closing(sqlite3.connect(f"file:{storage / 'brain.db'}?mode=ro", uri=True)) as database:
        rows = database.execute("SELECT sketch FROM sketches WHERE state = ?", (_ACKNOWLEDGED,))
        return {bytes(sketch) for (sketch,) in rows}


def stored(bodies: Iterable[bytes]) -> Counter[bytes]:
    """How often each sketch is in pushes, given what `pushes.sketches` holds."""
    return Counter(
        body[at : at + _SKETCH] for body in bodies for at in range(0, len(body), _SKETCH)
    )

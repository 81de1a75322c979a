"""The one module that knows the vector extension: its type, operators, index and wire form.

Two are known. pgvector is what the project is run and tested on: its halfvec holds float16
components. RuVector-Postgres 0.1.0 has one type of float32 components, no binary form and no cast
to an array, so that its vectors travel as text; it is written down as its own SQL script states it,
and the store's tests run on it where a server has it (docs/adr/0044). Both compare by cosine
distance.

The environment variable OMEGA_STORE_DIALECT chooses one for the process.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
from pgvector import HalfVector
from psycopg import sql

from omega_core import limits
from omega_core.errors import invalid
from omega_core.vectors import FloatArray

VARIABLE = "OMEGA_STORE_DIALECT"
"""Names the dialect; absent = pgvector."""


@dataclass(frozen=True)
class Dialect:
    """How one extension writes what the store says."""

    extension: str
    """Its name, created by migrate()."""
    type: str
    """Of a column of vectors."""
    cast: str
    """Name of the type where a parameter is cast."""
    index: str
    """Method, operator class and settings of the index on `embedding`."""
    read: str
    """The column `embedding` as a statement's result."""


PGVECTOR = Dialect(
    extension="vector",
    type=f"halfvec({limits.DIMENSION})",
    cast="halfvec",
    index="hnsw (embedding halfvec_cosine_ops) WITH (m = 16, ef_construction = 100)",
    read="halfvec_send(embedding)",
)
RUVECTOR = Dialect(
    extension="ruvector",
    type=f"ruvector({limits.DIMENSION})",
    cast="ruvector",
    index="hnsw (embedding ruvector_cosine_ops) WITH (m = 16, ef_construction = 100)",
    read="embedding::text",
)
DIALECTS = {"pgvector": PGVECTOR, "ruvector": RUVECTOR}
"""By the names that OMEGA_STORE_DIALECT takes."""

_STATED = os.environ.get(VARIABLE, "pgvector")
# A name that is none is refused by check(), where a service can say so.
CURRENT = DIALECTS.get(_STATED, PGVECTOR)
"""The one that this process speaks."""
EXTENSION = CURRENT.extension
"""Name of the extension, created by migrate()."""
PARAMETER = sql.SQL("%s::{}").format(sql.SQL(CURRENT.cast))
"""A vector as a statement's parameter; its value comes from dump()."""
COLUMN = sql.SQL(CURRENT.read)
"""The column `embedding` as a statement's result; its value goes to load()."""
DISTANCE = sql.SQL("embedding <=> {}").format(PARAMETER)
"""Cosine distance (1 - cosine) of the column `embedding` to a parameter; the index answers it."""


def check() -> None:
    """Holds OMEGA_STORE_DIALECT to the names that are known.

    Raises:
        OmegaError: INVALID_FIELD.
    """
    if _STATED not in DIALECTS:
        raise invalid(VARIABLE, f"one of {', '.join(DIALECTS)}")


def render(text: str) -> str:
    """Fills the placeholders {{vector}} and {{vector_index}} of a migration."""
    return text.replace("{{vector}}", CURRENT.type).replace("{{vector_index}}", CURRENT.index)


def dump(vector: FloatArray) -> str:
    """A vector (384,) as the value of PARAMETER, rounded to float16."""
    return HalfVector(vector).to_text()


def load(value: bytes | str) -> FloatArray:
    """The value of COLUMN as float32 (384,)."""
    if isinstance(value, str):
        return np.array(value.strip("[]").split(","), np.float32)
    return np.asarray(HalfVector.from_binary(value).to_numpy(), dtype=np.float32)

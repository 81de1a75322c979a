"""The one module that knows the vector extension: its type, operators, index and wire form.

pgvector's halfvec holds float16 components; its HNSW index compares by cosine distance. Another
extension is slotted in by replacing what stands here.
"""

from __future__ import annotations

import numpy as np
from pgvector import HalfVector
from psycopg import sql

from omega_core import limits
from omega_core.vectors import FloatArray

EXTENSION = "vector"
"""Name of the extension, created by migrate()."""
PARAMETER = sql.SQL("%s::halfvec")
"""A vector as a statement's parameter; its value comes from dump()."""
COLUMN = sql.SQL("halfvec_send(embedding)")
"""The column `embedding` as a statement's result; its value goes to load()."""
DISTANCE = sql.SQL("embedding <=> %s::halfvec")
"""Cosine distance (1 - cosine) of the column `embedding` to a parameter; the index answers it."""

_PLACEHOLDERS = {
    "{{vector}}": f"halfvec({limits.DIMENSION})",
    "{{vector_index}}": "hnsw (embedding halfvec_cosine_ops) WITH (m = 16, ef_construction = 100)",
}


def render(text: str) -> str:
    """Fills the placeholders {{vector}} and {{vector_index}} of a migration."""
    for placeholder, value in _PLACEHOLDERS.items():
        text = text.replace(placeholder, value)
    return text


def dump(vector: FloatArray) -> str:
    """A vector (384,) as the value of PARAMETER, rounded to float16."""
    return HalfVector(vector).to_text()


def load(value: bytes) -> FloatArray:
    """The value of COLUMN as float32 (384,)."""
    return np.asarray(HalfVector.from_binary(value).to_numpy(), dtype=np.float32)

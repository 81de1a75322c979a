"""The manifest of a snapshot: what must agree before a byte of it is used."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass

FORMAT = 2
"""Version of the files and of the manifest itself."""


@dataclass(frozen=True)
class Recipe:
    """How an index was made; a snapshot of another recipe is refused."""

    library: str
    """Name and version: hnswlib states no version in its files."""
    platform: str
    """Byte order and word size: the graph's file is a copy of memory."""
    space: str
    """Distance."""
    dimension: int
    """Width of every vector: hnswlib loads a file of another width without complaint."""
    m: int
    """Links a vector and layer."""
    ef_construction: int
    """Candidates kept while building."""
    row_type: str
    """How vectors are kept beside the graph."""
    model_version: str
    """Encoder of the vectors."""
    lineage: str
    """History of the table that applied_rev counts in."""

    def require(self, other: Recipe) -> None:
        """Holds this recipe to another.

        Raises:
            ValueError: names what differs.
        """
        for field in dataclasses.fields(self):
            mine, wanted = getattr(self, field.name), getattr(other, field.name)
            if mine != wanted:
                raise ValueError(f"{field.name} is {mine!r}, not {wanted!r}")


@dataclass(frozen=True)
class Manifest:
    """One generation."""

    recipe: Recipe
    """How it was made."""
    slots: int
    """Slots in both files, the dead ones included."""
    applied_rev: int
    """Last change of the table that it holds."""
    graph_sha256: str
    """SHA-256 of the graph's file, hexadecimal."""
    rows_sha256: str
    """SHA-256 of the slots' file, hexadecimal."""

    def to_json(self) -> bytes:
        """The manifest with its own checksum: a flipped digit of applied_rev must not pass."""
        body = {"format": FORMAT, **dataclasses.asdict(self)}
        return json.dumps({**body, "checksum": _checksum(body)}, indent=1).encode()

    @classmethod
    def from_json(cls, data: bytes) -> Manifest:
        """The inverse of to_json.

        Raises:
            ValueError: damaged, or of another format.
        """
        body = json.loads(data)
        if not isinstance(body, dict) or body.pop("checksum", None) != _checksum(body):
            raise ValueError("the manifest is damaged")
        if body.pop("format") != FORMAT:
            raise ValueError("the manifest is of another format")
        return cls(recipe=Recipe(**body.pop("recipe")), **body)


def _checksum(body: dict[str, object]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()

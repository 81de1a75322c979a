"""The newest versions that all devices get, in one statement: what every pull is compared with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import LiteralString

from psycopg.rows import class_row

from omega_store import resources
from omega_store.pool import Connection
from omega_store.releases import GIVEN_OUT
from omega_store.resources import ResourceInfo, ResourceKind
from omega_store.states import NOTHING, State

_STATE = 0
_NEWEST_STATE: LiteralString = (
    "SELECT 0 AS kind, version, 0::bigint AS size, ''::bytea AS sha256, model_version"
    " FROM states ORDER BY version DESC LIMIT 1"
)
_HEADS: LiteralString = f"({_NEWEST_STATE}) UNION ALL ({GIVEN_OUT})"


@dataclass(frozen=True)
class Heads:
    """The newest version of everything that a TV holds a version of.

    Of a release under way, the version before.
    """

    state: State
    """NOTHING before the first."""
    resources: tuple[ResourceInfo, ...]
    """At most one a kind."""

    @property
    def codebook_id(self) -> int:
        """Id of the newest codebook; 0 = none."""
        found = (r for r in self.resources if r.kind == ResourceKind.CODEBOOK)
        return next((resources.codebook_id(r.sha256) for r in found), 0)


def heads(conn: Connection) -> Heads:
    """Reads them."""
    state = NOTHING
    found = []
    with conn.cursor(row_factory=class_row(ResourceInfo)) as cursor:
        for row in cursor.execute(_HEADS):
            if row.kind == _STATE:
                state = State(row.version, row.model_version)
            else:
                found.append(row)
    return Heads(state, tuple(found))

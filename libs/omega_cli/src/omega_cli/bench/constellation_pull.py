"""What a pull asks of the database, at a million global patterns."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import LiteralString

from omega_cli.bench.figures import Figure, quantile_ms, timed
from omega_store import Connection, Store, dialect, states, trends
from omega_store.heads import heads
from omega_store.states import KEEP_STEPS, MOST_PATTERNS
from omega_testing.fleet import MODEL

STEPS = 6
_NEWEST = 1_000
_RUNS = 5
_POOL: LiteralString = (
    "CREATE TEMPORARY TABLE pool AS SELECT n, array_agg(random()::real - 0.5)::{vector} AS v"
    " FROM generate_series(0, 255) AS n, generate_series(1, 384) GROUP BY n"
)
_STATES: LiteralString = (
    "WITH round AS (INSERT INTO rounds (request_id, status, started_at)"
    "  VALUES (gen_random_uuid(), 1, now()) RETURNING round_id)"
    " INSERT INTO states (version, round_id, model_version, published_at)"
    " SELECT version, round_id, %s, now()"
    " FROM round, generate_series(%s::bigint, %s::bigint) AS version"
)
_FILL: LiteralString = (
    "INSERT INTO global_patterns (embedding, success_rate, device_count_floor, weight,"
    " created_version, changed_version, removed_version)"
    " SELECT v, 0.75, 4, 0.5, made, made, gone"
    " FROM generate_series(1, %s::bigint) AS i JOIN pool ON n = mod(i, 256), {rows}"
)
# The first few are live, all others came and went within the kept versions.
_MOST_GONE: LiteralString = (
    "LATERAL (SELECT {first} + mod(i * 104729, {kept}) AS made) AS m,"
    " LATERAL (SELECT CASE WHEN i > {live} THEN made + 1 + mod(i * 7919, {newest} - made) END"
    "  AS gone) AS g"
)
# All are live; the newest version changed the first few.
_ALL_LIVE: LiteralString = (
    "LATERAL (SELECT CASE WHEN i <= {live} THEN {newest} ELSE {first} END AS made,"
    " NULL::bigint AS gone) AS m"
)


def measure(
    store: Store, rows: int, pulls: int, advance: Callable[[str], None]
) -> dict[str, Figure]:
    """pull_query_ms, of two tables with so many rows."""
    advance(f"{rows:,} global patterns")
    with store.statements() as conn:
        _fill(conn, rows, _MOST_GONE)
    advance(f"{pulls:,} pulls, {MOST_PATTERNS} patterns live")
    few = _pulls(store, pulls)
    advance(f"{rows:,} live global patterns")
    with store.statements() as conn:
        _fill(conn, rows, _ALL_LIVE)
    advance(f"{pulls:,} pulls, all patterns live")
    many = _pulls(store, pulls, _NEWEST - 1)
    advance("an empty statement")
    with store.statements() as conn:
        empty = [timed(lambda: conn.execute("SELECT 1").fetchone()) for _ in range(pulls)]
    advance("the table")
    with store.statements() as conn:
        row = conn.execute("SELECT pg_total_relation_size('global_patterns')").fetchone()
    worst = few if quantile_ms(few, 0.99) > quantile_ms(many, 0.99) else many
    return {
        "pull_query_ms": Figure(
            quantile_ms(worst, 0.99),
            "ms, p99",
            "<= 10",
            {
                f"p50, {MOST_PATTERNS} of the rows live": quantile_ms(few, 0.5),
                f"p99, {MOST_PATTERNS} of the rows live": quantile_ms(few, 0.99),
                f"p50, all live, {MOST_PATTERNS} changed": quantile_ms(many, 0.5),
                f"p99, all live, {MOST_PATTERNS} changed": quantile_ms(many, 0.99),
                "p99 of an empty statement": quantile_ms(empty, 0.99),
            },
        ),
        "pull_table_mb": Figure((row[0] if row else 0) / 1e6, "MB", "", {"rows": float(rows)}),
    }


def _fill(conn: Connection, rows: int, which: LiteralString) -> None:
    """Puts so many rows of the kept versions into the table, and then makes its indexes."""
    first = _NEWEST - KEEP_STEPS + 1
    indexes = conn.execute(
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'global_patterns'"
        " AND indexname <> 'global_patterns_pkey'"
    ).fetchall()
    for name, _ in indexes:
        conn.execute(f"DROP INDEX {name}".encode())
    conn.execute("TRUNCATE global_patterns, states CASCADE")
    conn.execute("DROP TABLE IF EXISTS pool")
    conn.execute(_POOL.format(vector=dialect.CURRENT.type))
    conn.execute(_STATES, (MODEL, first, _NEWEST))
    numbers = {"first": first, "kept": KEEP_STEPS - 1, "newest": _NEWEST, "live": MOST_PATTERNS}
    conn.execute(_FILL.format(rows=which.format(**numbers)).encode(), (rows,))
    for name, definition in indexes:
        # No pull asks for the nearest patterns; of a million live ones the graph takes an hour.
        if name != "global_patterns_nearest" or which is not _ALL_LIVE:
            conn.execute(definition.encode())
    conn.execute("VACUUM ANALYZE global_patterns")


def _pulls(store: Store, pulls: int, held: int = 0) -> list[float]:
    """Seconds of each pull of the best run, from a kept version or from `held`.

    What a constellation reads when nobody has asked for that step yet; it then keeps it encoded.
    """
    draw = random.Random(0)  # noqa: S311 - which version a TV holds

    def pull() -> None:
        base = held or draw.randint(_NEWEST - KEEP_STEPS + 1, _NEWEST - 1)
        with store.snapshot() as conn:
            heads(conn)
            states.step(conn, base, "FR")
            trends.regions(conn)

    runs = [[timed(pull) for _ in range(pulls)] for _ in range(_RUNS)]
    return min(runs, key=lambda run: quantile_ms(run, 0.99))

"""Threshold reports from where they came in to counts of pairs: what a round does with them.

`collect()` is all of it, in steps that are a transaction each. Whatever kills it, the next call
goes on from the last step that was committed, and counts come out as if nothing had happened. Call
it as the shard's leader, on the leader's connection: so no other one is at it.

Reports of one pair are a group: epoch, threshold, tag and sealed text in common. Nothing of a group
is known before it is open, and groups that are not go with their epoch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import LiteralString

from psycopg import sql

from omega_store.pool import Connection
from omega_store.rows import only
from omega_store.threshold_groups import QUICK, Found, Group, waiting, work
from omega_threshold.aggregate import EFFORT

MOST_SPOILED = 30
"""Groups with wrong shares in them on which one call spends its whole effort, a few seconds each.
Others wait for the next: whoever sends wrong shares does not hold up a round."""
_TOGETHER = 256
"""Groups of one transaction, at most."""
_REPORTS = 20_000
"""Reports of one transaction, but for one large group."""

# The layout is that of omega_threshold.report.
_SEAL: LiteralString = """
WITH taken AS (DELETE FROM threshold_inbox RETURNING report),
read AS (
  SELECT ('x' || encode(substr(report, 3, 4), 'hex'))::bit(32)::bigint AS epoch,
         get_byte(report, 1)::smallint AS threshold, substr(report, 7, 16) AS tag,
         substr(report, 71) AS sealed, substr(report, 23, 16) AS x, substr(report, 39, 32) AS y
  FROM taken WHERE get_byte(report, 0) = 1 AND get_byte(report, 1) BETWEEN 2 AND 32),
sealed AS (
  INSERT INTO threshold_sealed (epoch, threshold, tag, sealed, x, y)
  SELECT epoch, threshold, tag, sealed, x, y FROM read
  WHERE epoch >= (SELECT coalesce(max(first_kept), 0) FROM threshold_forgotten)
  ORDER BY tag, sealed, x, y ON CONFLICT DO NOTHING RETURNING epoch, threshold, tag, sealed),
grown AS (
  INSERT INTO threshold_grown (epoch, threshold, tag, sealed)
  SELECT DISTINCT epoch, threshold, tag, sealed FROM sealed ON CONFLICT DO NOTHING)
SELECT (SELECT count(*) FROM taken), (SELECT count(*) FROM sealed)
"""
_TOO_FEW: LiteralString = """
DELETE FROM threshold_grown AS g
WHERE NOT EXISTS (
  SELECT FROM threshold_opened AS o WHERE (o.epoch, o.tag, o.sealed, o.threshold)
    = (g.epoch, g.tag, g.sealed, g.threshold))
AND g.threshold > (SELECT count(*) FROM (
  SELECT FROM threshold_sealed AS s WHERE (s.epoch, s.tag, s.sealed, s.threshold)
    = (g.epoch, g.tag, g.sealed, g.threshold) LIMIT g.threshold) AS few)
"""
_FORGOTTEN = ("spent", "issued", "randomness", "sealed", "opened", "points", "grown")
"""Tables of what goes with its epoch."""
_KEPT: LiteralString = "SELECT coalesce(max(first_kept), 0) FROM threshold_forgotten"
_OVER = sql.SQL(" UNION ALL ").join(
    sql.SQL("SELECT {} WHERE EXISTS (SELECT FROM {} WHERE epoch < %(epoch)s)").format(
        name, sql.Identifier(f"threshold_{name}")
    )
    for name in _FORGOTTEN
)
_FORGET = sql.SQL("DELETE FROM {} WHERE epoch < %s")


@dataclass(frozen=True)
class Collected:
    """What a call did."""

    taken: int = 0
    """Reports that had come in."""
    groups: int = 0
    """Groups that it opened."""
    counted: int = 0
    """Reports that it counted, of these groups and late ones of others."""
    refused: int = 0
    """Reports of open groups with a wrong share, which it dropped."""
    spoiled: int = 0
    """Groups with too many wrong shares among them to open, that wait for the next call."""


def collect(
    conn: Connection,
    first_open_epoch: int,
    *,
    effort: int = EFFORT,
    most_spoiled: int = MOST_SPOILED,
) -> Collected:
    """Counts what came in, and forgets what is over: seal(), unseal() and forget().

    Where nothing came, it costs some look-ups.

    Args:
        conn: the leader's, in autocommit mode.
        first_open_epoch: of which tokens and reports are taken; what came of earlier ones is
            counted a last time before it is forgotten.
        effort: as open_group() has it, of a group with wrong shares in it.
        most_spoiled: of these groups, how many are tried with it.

    Raises:
        OmegaError: STORAGE_UNAVAILABLE or STORAGE_FULL, from within translated().
    """
    done = Collected(taken=seal(conn))
    done = unseal(conn, done, effort=effort, most_spoiled=most_spoiled)
    forget(conn, first_open_epoch)
    return done


def seal(conn: Connection) -> int:
    """Moves what came in on to the sealed reports, in the order of tags; how many there were.

    So that where a row lies does not tell when it came. A report that is there already changes
    nothing. One of an epoch that is forgotten goes, as does what is no report.
    """
    if conn.execute("SELECT FROM threshold_inbox LIMIT 1").fetchone() is None:
        return 0
    with conn.transaction():
        conn.execute("SET LOCAL statement_timeout = 0")
        taken, sealed = only(conn.execute(_SEAL).fetchone())
        if sealed > _REPORTS:
            # What the next statements join has grown by more than anybody has noticed yet.
            conn.execute("ANALYZE threshold_sealed, threshold_grown")
    return int(taken)


def unseal(
    conn: Connection, done: Collected, *, effort: int = EFFORT, most_spoiled: int = MOST_SPOILED
) -> Collected:
    """Opens what can be opened of the groups that have grown, and counts late reports of open ones.

    Most groups open at the first try. Those that do not have wrong shares in them: they get the
    whole effort at the end, in an order that nobody knows.

    Returns:
        `done` with this call's work added.
    """
    if conn.execute("SELECT FROM threshold_grown LIMIT 1").fetchone() is None:
        return done
    with conn.transaction():
        conn.execute("SET LOCAL statement_timeout = 0")
        conn.execute(_TOO_FEW)
    while page := waiting(conn, _TOGETHER, spoiled=False):
        for some in _pages(page):
            done = _add(done, work(conn, some, min(QUICK, effort), last=effort <= QUICK))
    for group in waiting(conn, most_spoiled, spoiled=True):
        done = _add(done, work(conn, [group], effort, last=True))
    left = conn.execute("SELECT count(*) FROM threshold_grown WHERE spoiled").fetchone()
    return replace(done, spoiled=int(only(left)[0]))


def forget(conn: Connection, first_open_epoch: int) -> int:
    """Forgets all earlier epochs but what was counted: tokens, sealed reports, secrets; how many.

    A report that stayed sealed is gone with it, and one that comes later is not taken, for then
    nobody knows any more which were counted.
    """
    gone = 0
    if first_open_epoch > only(conn.execute(_KEPT).fetchone())[0]:
        with conn.transaction():
            conn.execute("DELETE FROM threshold_forgotten")
            conn.execute("INSERT INTO threshold_forgotten VALUES (%s)", (first_open_epoch,))
    for (name,) in conn.execute(_OVER, {"epoch": first_open_epoch}).fetchall():
        table = sql.Identifier(f"threshold_{name}")
        with conn.transaction():
            conn.execute("SET LOCAL statement_timeout = 0")
            gone += conn.execute(_FORGET.format(table), (first_open_epoch,)).rowcount
    return gone


def pairs(conn: Connection, *, fetch: int = 10_000) -> Iterator[tuple[bytes, bytes, int]]:
    """What is open: keys of two titles, or twice that of one, and how many reports.

    Call it in Store.snapshot(); in the order of the keys.
    """
    conn.execute("SET LOCAL statement_timeout = 0")
    conn.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
    with conn.cursor(name="threshold_pairs", binary=True) as cursor:
        cursor.itersize = fetch
        cursor.execute("SELECT low, high, reports FROM threshold_pairs ORDER BY low, high")
        yield from cursor


def any_pairs(conn: Connection) -> bool:
    """Whether anything was ever opened."""
    return conn.execute("SELECT FROM threshold_pairs LIMIT 1").fetchone() is not None


def _pages(groups: list[Group]) -> Iterator[list[Group]]:
    """The groups in lists that have a bounded number of reports, or one group."""
    page: list[Group] = []
    for group in groups:
        if page and sum(each.reports for each in page) + group.reports > _REPORTS:
            yield page
            page = []
        page.append(group)
    if page:
        yield page


def _add(done: Collected, found: Found) -> Collected:
    return replace(
        done,
        groups=done.groups + found.groups,
        counted=done.counted + found.counted,
        refused=done.refused + found.refused,
    )

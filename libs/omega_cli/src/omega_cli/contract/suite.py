"""A service's rows, and what became of them at one server."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.descriptor import ServiceDescriptor

from omega_cli.contract.calls import Line, Shown
from omega_cli.contract.rows import NEEDS, Messages, Outcome, Row

PATIENCE = 5.0
"""Seconds within which a server must have room again for a call that it refused for want of it."""
_PAUSE = 0.25
Callers = Callable[[Row], Shown]
"""Whoever makes the calls of a row."""


@dataclass(frozen=True)
class Suite:
    """What is asked of a service."""

    service: ServiceDescriptor
    """Which."""
    rows: tuple[Row, ...]
    """In the order in which they are tried."""
    unprovoked: Mapping[tuple[str, str], str]
    """Method and status that it documents and nobody can provoke from outside -> why not."""
    untaken: Mapping[str, str] = field(default_factory=dict)
    """Method whose fields are tried beyond their bounds alone -> why."""


@dataclass(frozen=True)
class Result:
    """What became of a row."""

    rpc: str
    """Name of the method."""
    case: str
    """What was tried."""
    wanted: str
    """Status, reason and field."""
    got: str
    """The same, and what else does not hold."""
    ok: bool | None
    """Whether it holds; None = it was left out, and `got` says why."""


def run(suite: Suite, line: Line, callers: Callers, found: Collection[str]) -> Iterator[Result]:
    """Tries every row in order.

    Args:
        suite: whose rows they are.
        line: to the server.
        callers: show their credentials.
        found: what the server is, of rows.NEEDS.
    """
    kept: dict[str, Any] = {}
    for row in suite.rows:
        if row.needs and row.needs not in found:
            got = f"left out: {NEEDS[row.needs]}"
            yield Result(row.rpc, row.case, str(row.wanted), got, None)
            continue
        try:
            messages = row.made(kept) if row.made else row.messages
        except KeyError as missing:
            got = f"left out: there is no answer with {missing.args[0]}"
            yield Result(row.rpc, row.case, str(row.wanted), got, None)
            continue
        outcome = _call(line, row, messages, callers(row))
        if row.keep and outcome.answers:
            kept[row.keep] = outcome.answers[0]
        yield _result(row, outcome)


def _call(line: Line, row: Row, messages: Messages, shown: Shown) -> Outcome:
    until = time.monotonic() + PATIENCE
    found = line.call(row.rpc, messages, row.how, shown)
    while _full(row, found) and time.monotonic() < until:
        time.sleep(max(_PAUSE, min(found.retry_after, until - time.monotonic())))
        found = line.call(row.rpc, messages, row.how, shown)
    return found


def _full(row: Row, found: Outcome) -> bool:
    """Whether the server had no room for a call that it should have taken."""
    full = "RESOURCE_EXHAUSTED"
    stated = found.reason or not found.explained
    return found.status == full and row.wanted.status != full and bool(stated)


def _result(row: Row, found: Outcome) -> Result:
    if found.left_out:
        return Result(row.rpc, row.case, str(row.wanted), f"left out: {found.left_out}", None)
    complaint = row.wanted.complaint(found) or row.check(found)
    said = " ".join(filter(None, (found.status, found.reason, found.field)))
    got = f"{said}: {complaint}" if complaint else said
    return Result(row.rpc, row.case, str(row.wanted), got, not complaint)

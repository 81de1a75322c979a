"""What `omega contract` prints: a line a row, and a column a client."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict

from omega_cli.contract.suite import Result
from omega_cli.exits import Exit
from omega_cli.output import Column, Record, show

Came = dict[str, list[Result]]
"""Client -> what became of each row; the same rows in the same order."""
_MARKS = {True: "✓", False: "✗", None: "-"}
_TELLING = (False, True, None)
"""Of the clients of a row the table quotes the first by what became of it, in this order."""


def printed(arguments: argparse.Namespace, came: Came) -> Exit:
    """Prints it; returns how the command ends."""
    flat = [{"client": name, **asdict(each)} for name, found in came.items() for each in found]
    counts = {name: Counter(each.ok for each in found) for name, found in came.items()}
    total = sum(counts.values(), Counter[bool | None]())
    rows = [dict(zip(came, each, strict=True)) for each in zip(*came.values(), strict=True)]
    show(
        arguments,
        "rows",
        flat if arguments.json else [_record(each) for each in rows],
        (
            Column("RPC", "rpc"),
            Column("case", "case"),
            Column("wanted", "wanted"),
            Column("got", "got"),
            *(Column("ok" if len(came) == 1 else name, _mark(name)) for name in came),
        ),
        caption="; ".join(
            ("" if len(came) == 1 else f"{name}: ") + _said(each) for name, each in counts.items()
        ),
        more={"held": total[True], "failed": total[False], "left_out": total[None]},
    )
    if total[False]:
        return Exit.FAILED
    return Exit.PARTLY if total[None] else Exit.DONE


def _record(by: Mapping[str, Result]) -> Record:
    """A line of the table."""
    name, told = min(by.items(), key=lambda each: _TELLING.index(each[1].ok))
    got = told.got if len(by) == 1 or told.ok else f"{name}: {told.got}"
    return {"rpc": told.rpc, "case": told.case, "wanted": told.wanted, "got": got, "by": by}


def _mark(client: str) -> Callable[[Record], object]:
    return lambda record: _MARKS[record["by"][client].ok]


def _said(found: Counter[bool | None]) -> str:
    return f"{found[True]} rows hold, {found[False]} do not, {found[None]} were left out"

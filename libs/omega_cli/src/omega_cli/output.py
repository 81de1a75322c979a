"""What commands print: tables for people, one JSON object for machines."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from google.protobuf.descriptor import EnumDescriptor
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from omega_core.errors import invalid

Record = dict[str, Any]
_UNBOUNDED = 100_000
_NO_COLOR = "NO_COLOR"
"""https://no-color.org; rich heeds it."""


@dataclass(frozen=True)
class Column:
    """A column of a table."""

    heading: str
    """Its name."""
    value: str | Callable[[Record], object]
    """Key of a record, or what is made of one; None is shown as nothing."""
    right: bool = False
    """Whether it is set to the right, as numbers are."""


def add_json(parser: argparse.ArgumentParser) -> None:
    """Adds --json."""
    parser.add_argument("--json", action="store_true", help="print one object for machines")


def show(
    arguments: argparse.Namespace,
    name: str,
    records: Sequence[Record],
    columns: Sequence[Column],
    *,
    caption: str = "",
    more: Mapping[str, object] | None = None,
) -> None:
    """Prints records: a table and the caption under it, or with --json {name: records, **more}."""
    if arguments.json:
        print_json({name: list(records), **(more or {})})
        return
    table = Table(box=box.SIMPLE_HEAD)
    for column in columns:
        table.add_column(column.heading, justify="right" if column.right else "left")
    for record in records:
        table.add_row(*(_cell(record, column) for column in columns))
    console().print(table)
    if caption:
        print(printable(caption))


def show_one(arguments: argparse.Namespace, record: Record, columns: Sequence[Column]) -> None:
    """Prints one record: a line a column, or with --json the record."""
    if arguments.json:
        print_json(record)
        return
    width = max(len(column.heading) for column in columns)
    for column in columns:
        heading = (f"{column.heading:<{width}}", "bold")
        console().print(Text.assemble(heading, "  ", _cell(record, column)), soft_wrap=True)


def say(arguments: argparse.Namespace, record: Record, sentence: str) -> None:
    """Prints what was done: a sentence, or with --json the record."""
    if arguments.json:
        print_json(record)
    else:
        print(printable(sentence))


def print_json(record: object) -> None:
    """One line of JSON on standard output."""
    print(json.dumps(record, ensure_ascii=False, allow_nan=False))


def console(*, errors: bool = False) -> Console:
    """Standard output, or standard error; as wide as need be where it is no terminal."""
    stream = sys.stderr if errors else sys.stdout
    return Console(file=stream, width=None if stream.isatty() else _UNBOUNDED)


def without_color() -> None:
    """Leaves colour out of whatever is printed from now on."""
    os.environ[_NO_COLOR] = "1"


def confirm(arguments: argparse.Namespace, question: str) -> None:
    """Asks before what cannot be undone, unless --yes was given.

    Raises:
        OmegaError: INVALID_FIELD `--yes` when the answer is not yes, or nobody can be asked.
    """
    if arguments.yes:
        return
    if not sys.stdin.isatty():
        raise invalid("--yes", "given where nobody can be asked")
    print(f"{printable(question)} [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().casefold() not in {"y", "yes"}:
        raise invalid("the answer", "yes; nothing was done")


def add_yes(parser: argparse.ArgumentParser) -> None:
    """Adds --yes."""
    parser.add_argument("--yes", action="store_true", help="do not ask")


def record_of(message: Message) -> Record:
    """A message as JSON has it: numbers as numbers, times in ISO 8601, enums as short words.

    An absent message or time is None. Fields of bytes are hexadecimal.
    """
    return {field.name: _value(message, field) for field in message.DESCRIPTOR.fields}


def moment(value: str | None) -> str:
    """A time of a record for people: to the second, in UTC; "never" for None."""
    if value is None:
        return "never"
    return datetime.fromisoformat(value).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def at(key: str) -> Callable[[Record], str]:
    """A column's value that is a time."""
    return lambda record: moment(record[key])


def printable(text: str) -> str:
    """Text without what steers a terminal: titles and platforms are written by others."""
    return "".join(c if c.isprintable() else "�" for c in text)


def _cell(record: Record, column: Column) -> Text:
    made = column.value
    value = record[made] if isinstance(made, str) else made(record)
    if value is None:
        return Text("")
    if isinstance(value, bool):
        return Text("yes" if value else "no")
    return Text(f"{value:,}" if isinstance(value, int) else printable(str(value)))


def _value(message: Message, field: Any) -> object:
    value = getattr(message, field.name)
    if field.is_repeated:
        return [_single(each, field) for each in value]
    if field.message_type is not None and not message.HasField(field.name):
        return None
    return _single(value, field)


def _single(value: Any, field: Any) -> object:
    if isinstance(value, Timestamp):
        return value.ToDatetime(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, Message):
        return record_of(value)
    if isinstance(value, bytes):
        return value.hex()
    if field.enum_type is not None:
        return _word(field.enum_type, value)
    return value


def _word(enum: EnumDescriptor, number: int) -> str | int:
    """SHARD_STATE_DRAINING as "draining"; the number where the name is not known."""
    names = enum.values_by_number
    if number not in names:
        return number
    # Each value begins with the name of its enum, and the first one says how long that is.
    prefix = names[0].name.removesuffix("UNSPECIFIED")
    return str(names[number].name.removeprefix(prefix).lower())

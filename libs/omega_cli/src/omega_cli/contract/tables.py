"""Rows that follow from tables: bounds of fields, and what holds for every method."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import DecodeError, Message

from omega_cli.contract import wire
from omega_cli.contract.rows import OK, How, Messages, Outcome, Row, Wanted, echoed, refused

_SHOWN = 12
_METADATA = 65_536
_TRIES = 40
"""Calls with a deadline of a nanosecond, of which one at least must be refused: servers count in
milliseconds, and may have answered before the next one begins."""
_STEP = re.compile(r"(\w+)(?:\[(\d+)\])?")


@dataclass(frozen=True)
class Bound:
    """A field's bound: values on this side of it, and beyond."""

    field: str
    """Path from the request, "contents[0].title"."""
    good: tuple[object, ...]
    """Values that are taken."""
    bad: tuple[object, ...] = ()
    """Values that are refused."""
    named: str = ""
    """What a refusal names, where it is not `field`."""


@dataclass(frozen=True)
class Sound:
    """A request of a method that does no harm, and what becomes of it."""

    rpc: str
    """Name of the method."""
    messages: Messages
    """What is sent."""
    wanted: Wanted = OK
    """What becomes of it."""
    take: int = 0
    """As How.take."""
    bad: tuple[Message, str] | None = None
    """A request that is refused, and the field that is named; None = there is none."""
    who: str = "device"
    """As Row.who."""
    needs: str = ""
    """As Row.needs."""


def changed(message: Message, path: str, value: object) -> Message:
    """A copy with another value at a path."""
    made = type(message)()
    made.CopyFrom(message)
    at: Any = made
    *steps, (last, index) = _STEP.findall(path)
    if index:
        raise ValueError(f"{path} ends with an index: set the whole list")
    for name, number in steps:
        at = getattr(at, name)[int(number)] if number else getattr(at, name)
    if isinstance(value, Message):
        getattr(at, last).CopyFrom(value)
    elif isinstance(value, Mapping):
        getattr(at, last).clear()
        getattr(at, last).update(value)
    elif isinstance(value, list | tuple):
        at.ClearField(last)
        getattr(at, last).extend(value)
    else:
        setattr(at, last, value)
    return made


def bounds(
    base: Sound, table: tuple[Bound, ...], prefix: str = "", named: str | None = None
) -> Iterator[Row]:
    """A row for each value of a table.

    Args:
        base: what is changed.
        table: by which values.
        prefix: message that the fields are of, such as "list.".
        named: what a refusal puts before a field; None = the same.
    """
    before = prefix if named is None else named
    (message,) = base.messages
    for bound in table:
        field = prefix + bound.field
        wanted = refused(before + (bound.named or bound.field))
        for value, becomes in chain(
            ((value, base.wanted) for value in bound.good),
            ((value, wanted) for value in bound.bad),
        ):
            sent = (changed(message, field, value),)
            case = f"{field} = {_shown(value)}"
            yield Row(
                base.rpc, case, sent, becomes, How(take=base.take), who=base.who, needs=base.needs
            )


def every_method(
    service: ServiceDescriptor,
    bases: tuple[Sound, ...],
    *,
    largest: int = 4_194_304,
    without_deadline: Wanted | None = None,
) -> Iterator[Row]:
    """What holds for every method: the forms that a sound request may have, and gRPC's own bounds.

    Args:
        service: whose methods they are.
        bases: a sound request a method.
        largest: most bytes of a message that gRPC takes.
        without_deadline: what becomes of a call without one; None = what becomes of any.
    """
    for base in bases:
        rpc, sent, how = base.rpc, base.messages, How(take=base.take)

        def row(case: str, wanted: Wanted, how: How, base: Sound = base) -> Row:
            return Row(base.rpc, case, base.messages, wanted, how, who=base.who, needs=base.needs)

        yield row("a sound request", base.wanted, how)
        yield row(
            "a field of a release to come", base.wanted, replace(how, wire=wire.unknown_field)
        )
        if wire.in_last_release(service.full_name, rpc):
            old = row(
                "as the last release wrote it", base.wanted, replace(how, wire=wire.of_last_release)
            )
            yield replace(old, check=_readable)
        yield row("no deadline", without_deadline or base.wanted, replace(how, deadline=None))
        over = How(
            deadline=None, told="1n", together=_TRIES, despite=tuple(base.wanted.status.split("/"))
        )
        yield row("a deadline that is over", Wanted("DEADLINE_EXCEEDED"), over)
        # A stream without a message would be refused for nothing.
        if sent:
            large = Wanted("RESOURCE_EXHAUSTED")
            yield row(
                f"a message above {largest:,} bytes",
                large,
                replace(how, wire=wire.padded(largest + 1)),
            )
        much = (("x-much", "x" * _METADATA),)
        yield row("metadata of 64 KiB", Wanted("RESOURCE_EXHAUSTED"), replace(how, metadata=much))
        if base.bad is not None:
            message, field = base.bad
            yield Row(
                rpc,
                "x-request-id comes back",
                (message,),
                refused(field),
                replace(how, metadata=(("x-request-id", f"contract-{rpc}"),)),
                echoed(f"contract-{rpc}"),
                who=base.who,
                needs=base.needs,
            )


def _readable(found: Outcome) -> str:
    for answer, data in zip(found.answers, found.raw, strict=True):
        try:
            wire.read_by_last_release(answer.DESCRIPTOR.full_name, data)
        except DecodeError:
            return "the last release cannot read the answer"
    return ""


def _shown(value: object) -> str:
    """A value for people, short and different for each of a table."""
    if isinstance(value, Message):
        return " ".join(str(value).split()) or "zero"
    if isinstance(value, str | bytes) and len(value) > _SHOWN:
        rest = "" if len(set(value)) == 1 else f", {value[:_SHOWN]!r} and on"
        return f"{len(value):,} {'bytes' if isinstance(value, bytes) else 'characters'}{rest}"
    if isinstance(value, Mapping):
        return f"{len(value)} pairs" + "".join(
            f", {k[:8]}={len(v)}" for k, v in [*value.items()][:1]
        )
    if isinstance(value, list | tuple):
        first = f" of {_shown(value[0])}" if value else ""
        return f"{len(value):,} items{first}"
    return repr(value)

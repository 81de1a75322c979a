"""What `omega contract` tries follows from proto/: no method, status or bound is left out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

from omega_cli.contract import (
    brain,
    federation,
    shard,
    shard_rows,
    shard_words,
    sync,
    sync_words,
    wire,
)
from omega_cli.contract.suite import Suite
from omega_testing.contract_comments import Element, statuses

GOLDEN = Path(__file__).with_name("codec") / "codebook.bin"
BASELINE = Path(__file__).resolve().parents[2] / "proto" / "baseline" / "omega.binpb"
_SHARD, _ADMIN = shard.suites(shard_words.Words())
SUITES = {
    "brain": brain.suite("test"),
    "sync": sync.suite(sync_words.Words("key")),
    "constellation": _SHARD,
    "admin": _ADMIN,
    "federation": federation.suite(),
}
each_suite = pytest.mark.parametrize("suite", SUITES.values(), ids=SUITES)
_BOUND = re.compile(r"\d")
_NO_BOUND = re.compile(r"\b\d+ = [^.;,]*|omega\.[\w.]*")
"""What a number stands for, and names of messages."""


def _requests(suite: Suite) -> dict[str, Descriptor]:
    return {name: method.input_type for name, method in suite.service.methods_by_name.items()}


def _fields(message: Descriptor, above: frozenset[str] = frozenset()) -> dict[str, str]:
    """Path of each field below a message of the project -> its full name."""
    found = {}
    for field in message.fields:
        found[field.name] = field.full_name
        inner = field.message_type
        if inner is None or not inner.full_name.startswith("omega."):
            continue
        if not inner.GetOptions().map_entry and inner.full_name not in above:
            below = _fields(inner, above | {inner.full_name})
            found |= {f"{field.name}.{path}": name for path, name in below.items()}
    return found


@each_suite
def test_every_method_has_rows_and_every_row_a_name_of_its_own(suite: Suite) -> None:
    assert {row.rpc for row in suite.rows} == set(suite.service.methods_by_name)
    named = [(row.rpc, row.case) for row in suite.rows]
    assert [each for each in set(named) if named.count(each) > 1] == []


@each_suite
def test_every_status_that_is_documented_has_a_row_or_a_reason(
    suite: Suite, elements: dict[str, Element]
) -> None:
    service = suite.service.full_name
    documented = {
        (rpc, status)
        for rpc in suite.service.methods_by_name
        for status in statuses(elements, service, rpc)
    }
    assert documented
    # What gRPC itself refuses is no status of a method.
    tried = {
        (row.rpc, row.wanted.status) for row in suite.rows if not row.case.startswith(GRPCS_OWN)
    }
    assert documented - tried - suite.unprovoked.keys() == set()
    assert suite.unprovoked.keys() <= documented
    assert suite.unprovoked.keys() & tried == set()
    assert all(suite.unprovoked.values())


GRPCS_OWN = (
    "a message above",
    "metadata of",
    "a deadline that is over",
    "a stream ends with",
    "a certificate of its own making",
    "no certificate where one is asked for",
)


@each_suite
def test_every_bound_of_a_field_that_is_sent_is_tried_from_both_sides(
    suite: Suite, elements: dict[str, Element]
) -> None:
    untried = []
    for rpc, request in _requests(suite).items():
        rows = [row for row in suite.rows if row.rpc == rpc]
        named = {_plain(row.wanted.field) for row in rows} - {""}
        within = set[str]()
        for row in rows:
            path = _plain(row.case.partition(" = ")[0])
            if path != _plain(row.wanted.field):
                within.add(path)
            if row.wanted.status != "INVALID_ARGUMENT":
                within.update(path for message in row.messages for path in _stated(message))
        for path, name in _fields(request).items():
            if not _bounded(elements[name].comment) or rpc in SAME:
                continue
            # Of a stream the refusal names the field of the exchange in it.
            if not any(_at(path, field) or _at(path.partition(".")[2], field) for field in named):
                untried.append((rpc, path, "beyond"))
            if path not in within and rpc not in suite.untaken:
                untried.append((rpc, path, "within"))
    assert untried == []


SAME = {"ObserveEvents"}
"""Its messages are those of ObserveEvent, refused by themselves."""


def _stated(message: Message, above: str = "") -> Iterator[str]:
    """Paths of the fields that a message states."""
    for field, value in message.ListFields():
        path = above + field.name
        yield path
        for each in value if isinstance(value, Sequence) else (value,):
            if isinstance(each, Message):
                yield from _stated(each, f"{path}.")


def _at(path: str, field: str) -> bool:
    """Whether a refusal that names `field` is of `path`, or of what is below."""
    return field == path or (bool(path) and field.startswith(f"{path}."))


def _bounded(comment: str) -> bool:
    return bool(_BOUND.search(_NO_BOUND.sub("", comment)))


def _plain(path: str) -> str:
    return re.sub(r"\[[^]]*\]", "", path)


@pytest.mark.parametrize(
    ("kept", "origin"),
    [(wire.LAST_RELEASE, BASELINE), (shard_rows.GOLDEN, GOLDEN)],
    ids=["the last release", "the golden codebook"],
)
def test_what_the_suite_carries_is_what_the_project_keeps(kept: str, origin: Path) -> None:
    assert Path(wire.__file__).with_name(kept).read_bytes() == origin.read_bytes()

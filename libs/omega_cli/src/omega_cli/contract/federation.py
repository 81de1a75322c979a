"""What is asked of a federation worker: omega.federation.v1.FederationService."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence

from omega.federation.v1 import federation_service_pb2 as pb
from omega_cli.contract.calls import Line
from omega_cli.contract.rows import (
    UNUSED,
    Kept,
    Outcome,
    Row,
    Wanted,
    names,
    not_found,
    refused,
)
from omega_cli.contract.shard_bounds import listing
from omega_cli.contract.suite import Suite
from omega_cli.contract.tables import Bound, Sound, bounds, every_method

SERVICE = pb.DESCRIPTOR.services_by_name["FederationService"]
LEAVES = (
    "Runs no round where one is on record: it asks again for one that ended, which gives its"
    " record. Where none is on record it asks for one, and leaves its record behind: of a failure"
    " where the shard has too little for a round, else of the shard's first round."
)
"""For the command's help."""
_ABSENT = 2**62
"""A round that there is not."""
_HIGHEST = 2**63 - 1
_DOWN = "the shard's database would have to be down"
UNPROVOKED = {
    ("RunRound", "ABORTED"): "another worker would have to run a round meanwhile",
    **{(rpc, "UNAVAILABLE"): _DOWN for rpc in SERVICE.methods_by_name},
}
_UUIDS = (
    "",
    "mine",
    "0A000000-0000-4000-8000-000000000000",
    "0a000000-0000-4000-8000-0000000000000",
)
_IMPOSSIBLE = "ROUND_NOT_POSSIBLE"


def suite() -> Suite:
    """The rows of one run."""
    return Suite(SERVICE, tuple(_rows()), UNPROVOKED, {"RunRound": "a round would be run"})


def found(line: Line) -> set[str]:
    """What a worker is: unused where no round is on record.

    Raises:
        ServiceError: it does not answer.
    """
    listed = line.ask("ListRounds", pb.ListRoundsRequest(page_size=1))
    return set() if listed.rounds else {UNUSED}


def _rows() -> Iterator[Row]:
    bases = (
        Sound(
            "RunRound",
            (pb.RunRoundRequest(),),
            refused("request_id"),
            bad=(pb.RunRoundRequest(request_id="mine"), "request_id"),
        ),
        Sound(
            "GetRound",
            (pb.GetRoundRequest(round_id=_ABSENT),),
            not_found("round_id"),
            bad=(pb.GetRoundRequest(), "round_id"),
        ),
        Sound(
            "ListRounds",
            (pb.ListRoundsRequest(),),
            bad=(pb.ListRoundsRequest(page_size=1_001), "page_size"),
        ),
    )
    yield from every_method(SERVICE, bases)
    run, get, many = bases
    yield from bounds(run, (Bound("request_id", (), _UUIDS),))
    yield from bounds(get, (Bound("round_id", (_HIGHEST,), (0, _HIGHEST + 1)),))
    yield from bounds(many, listing("before_round_id"))
    yield from _rounds()


def _rounds() -> Iterator[Row]:
    asked = (pb.RunRoundRequest(request_id=str(uuid.uuid4())),)
    for case in ("a shard's first round", "the same once more"):
        yield Row("RunRound", case, asked, Wanted("OK/FAILED_PRECONDITION"), needs=UNUSED)
    all_of_them = (pb.ListRoundsRequest(page_size=1_000),)
    yield Row("ListRounds", "newest first", all_of_them, check=_in_order, keep="rounds")
    few = (pb.ListRoundsRequest(page_size=1),)
    at_most = names("rounds.round_id", "more than page_size", lambda ids: len(ids) <= 1)
    yield Row("ListRounds", "at most page_size", few, check=at_most)
    yield Row("ListRounds", "before the newest", (), made=_before, check=_in_order)
    first = (pb.ListRoundsRequest(before_round_id=1),)
    none = names("rounds.round_id", "a round before the first", lambda ids: not ids)
    yield Row("ListRounds", "before round 1", first, check=none)
    yield Row("GetRound", "one that is listed", (), made=_listed)
    yield Row("RunRound", "a round that succeeded, once more", (), made=_succeeded, check=_ended)
    impossible = Wanted("FAILED_PRECONDITION", "", _IMPOSSIBLE)
    yield Row("RunRound", "a round that was not possible, once more", (), impossible, made=_failed)


def _in_order(found: Outcome) -> str:
    ids = [each.round_id for each in found.answers[0].rounds]
    return "" if ids == sorted(set(ids), reverse=True) else "not newest first"


def _ended(found: Outcome) -> str:
    status = found.answers[0].round.status
    return "" if status == pb.ROUND_STATUS_SUCCEEDED else f"its status is {status}"


def _before(kept: Kept) -> tuple[pb.ListRoundsRequest]:
    newest = _first(kept, "a round", lambda _: True)
    return (pb.ListRoundsRequest(before_round_id=newest.round_id),)


def _listed(kept: Kept) -> tuple[pb.GetRoundRequest]:
    return (pb.GetRoundRequest(round_id=_first(kept, "a round", lambda _: True).round_id),)


def _succeeded(kept: Kept) -> tuple[pb.RunRoundRequest]:
    found = _first(kept, "a round that succeeded", lambda r: r.status == pb.ROUND_STATUS_SUCCEEDED)
    return (pb.RunRoundRequest(request_id=found.request_id),)


def _failed(kept: Kept) -> tuple[pb.RunRoundRequest]:
    found = _first(kept, "a round that was not possible", lambda r: r.error_code == _IMPOSSIBLE)
    return (pb.RunRoundRequest(request_id=found.request_id),)


def _first(kept: Kept, what: str, wanted: Callable[[pb.Round], bool]) -> pb.Round:
    """The newest round that is as wanted.

    Raises:
        KeyError: there is none; it names `what`.
    """
    listed: Sequence[pb.Round] = kept["rounds"].rounds
    for each in listed:
        if wanted(each):
            return each
    raise KeyError(what)

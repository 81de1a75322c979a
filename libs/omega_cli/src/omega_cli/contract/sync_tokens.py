"""Rows of reports of pairs: what TVs are told, and the tokens that they are given."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from omega.sync.v1 import sync_service_pb2 as pb
from omega_cli.contract.rows import How, Kept, Messages, Outcome, Row, Wanted, refused
from omega_cli.contract.sync_bounds import ELEMENT
from omega_cli.contract.sync_words import Words

PERHAPS = Wanted("OK/FAILED_PRECONDITION")
"""What becomes of a question for keys: a fleet need not take reports."""
_KEYS = "keys of reports"
_FLOOD = 40
_PROOF, _CONFIG = 64, 41


class Tokens:
    """Makes the rows of one run; keeps what the first tokens left."""

    def __init__(self) -> None:
        self._left = 0

    def rows(self, words: Words) -> Iterator[Row]:
        """What is asked of a fleet that takes reports; the rest is left out at others."""
        asked = (pb.GetReportingKeysRequest(),)
        yield Row(
            "GetReportingKeys", "keys of the open epochs", asked, PERHAPS, check=_keys, keep=_KEYS
        )
        rpc = "IssueTokens"

        def of(*elements: bytes) -> Row:
            def made(kept: Kept) -> Messages:
                epoch = kept[_KEYS].keys.epochs[-1].epoch
                return (words.tokens(epoch=epoch, blinded=elements),)

            return Row(rpc, "two tokens", (), made=made, who="is given tokens")

        two = replace(of(ELEMENT, ELEMENT), check=self._first)
        yield two
        yield replace(two, case="the same once more", check=self._again)
        yield replace(
            of(ELEMENT), case="a request_id of other elements", wanted=refused("request_id")
        )
        identity = of(bytes(len(ELEMENT)))
        yield replace(
            identity, case="an element that is none", wanted=refused("blinded[0]"), who="device"
        )
        flood = Row(
            rpc,
            "more than a burst",
            (words.tokens(),),
            Wanted("RESOURCE_EXHAUSTED", "device", "RATE_LIMITED"),
            How(together=_FLOOD, despite=("FAILED_PRECONDITION",)),
            lambda found: "" if found.retry_after > 0 else "no RetryInfo",
        )
        yield replace(flood, who=f"floods {rpc}")

    def _first(self, found: Outcome) -> str:
        (answer,) = found.answers
        self._left = answer.left
        lengths = [len(each) for each in (*answer.evaluated, answer.proof)]
        return "" if lengths == [len(ELEMENT)] * 2 + [_PROOF] else f"lengths {lengths}"

    def _again(self, found: Outcome) -> str:
        left = found.answers[0].left
        return "" if left == self._left else f"{left} are left, not {self._left}"


def _keys(found: Outcome) -> str:
    for answer in found.answers:
        told, numbers = answer.keys, [each.epoch for each in answer.keys.epochs]
        if not 2 <= told.threshold <= 32 or not 1 <= told.epoch_days <= 366:  # noqa: PLR2004
            return f"threshold {told.threshold}, {told.epoch_days} days"
        if not numbers or sorted(set(numbers)) != numbers:
            return f"epochs {numbers}"
        for each in told.epochs:
            lengths = [len(each.gateway), len(each.tokens), len(each.randomness)]
            if lengths != [_CONFIG, len(ELEMENT), len(ELEMENT)]:
                return f"keys of {lengths} bytes"
    return ""

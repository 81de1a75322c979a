"""Which pairs a TV reports first, and which wait, when it may report only a few a day.

A pair is told once, and reports add up within an epoch only. So TVs must report the same pairs in
the same epoch, without asking each other: what they agree on is what the fleet publishes of each
title, and a hash of the pair (docs/adr/0078). Nothing else of a TV goes in, so the order of reports
tells nothing but the pairs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from omega_core import validate
from omega_threshold.epochs import MAX_EPOCH
from omega_threshold.pair import Pair

MOST_LIKES = 100
"""Newest likes of a household that are reported, alone and in pairs; older ones are not."""
ALWAYS = 96
"""Pairs of this many of the most liked titles are due in every epoch."""
LONGEST_TURN = 16
"""Epochs between two turns of the rarest pairs; a power of two."""


def order(pairs: Iterable[Pair], *, epoch: int, support: Mapping[bytes, float]) -> list[Pair]:
    """Of pairs that were not reported yet, those that are due in an epoch, first ones first.

    Titles alone come first, for they tell the fleet what is liked at all; all are due. Then pairs
    by the product of their titles' shares. A pair is due in every epoch where both titles are among
    the ALWAYS most liked ones, in every second where they are among twice as many, and so on to
    every LONGEST_TURN-th; a hash says in which. A pair waits while a title of it has no share:
    fewer TVs like that title than could open the pair. What is not due is not reported, even by
    a TV with time to spare, for alone it would never open.

    Args:
        pairs: pairs of the household's likes and those likes alone, as they were not reported yet.
        epoch: of the reports, 0 to MAX_EPOCH.
        support: title key -> the title's share of the fleet's likes, above 0, of the titles that
            have one in the published factors (their prior). Empty before anything was published:
            then only titles alone are due.

    Raises:
        OmegaError: INVALID_FIELD epoch.
    """
    validate.integer("epoch", epoch, 0, MAX_EPOCH)
    liked = sorted(support, key=lambda title: (-support[title], title))
    place = {title: n for n, title in enumerate(liked)}
    alone, due = [], []
    for pair in set(pairs):
        if pair.alone:
            alone.append(pair)
        elif pair.low in place and pair.high in place:
            turn = _turn(max(place[pair.low], place[pair.high]))
            if public_hash(pair) % turn == epoch % turn:
                due.append((-support[pair.low] * support[pair.high], public_hash(pair), pair))
    return sorted(alone, key=public_hash) + [pair for _, _, pair in sorted(due)]


def _turn(place: int) -> int:
    """In one of how many epochs a pair is due whose less liked title stands at `place`, from 0."""
    turn = 1
    while turn < LONGEST_TURN and place >= ALWAYS * turn:
        turn *= 2
    return turn


def public_hash(pair: Pair) -> int:
    """A number that all TVs know, so that they take equal ones in the same order."""
    digest = hashlib.sha256(b"omega.threshold.v1 turn\0" + pair.encode()).digest()
    return int.from_bytes(digest[:8], "big")

"""The fleet's catalogue as the titles that changed, over the titles that are held."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from heapq import merge

import numpy as np

from omega_brain import facts
from omega_brain.embedding import embedded
from omega_brain.stores import Stores
from omega_core.content import Content
from omega_core.errors import ErrorCode, OmegaError
from omega_delta import CatalogueDelta, titles_sha256
from omega_embed import Encoder
from omega_persistence.contents import StoredContent

_TURN = 16
"""Titles that are embedded without a look around: a tenth of a second on a TV."""


def base(stores: Stores, encoder_version: str, model_version: str) -> tuple[int, bytes] | None:
    """The held version and the SHA-256 that names it; None = it is no base.

    Args:
        stores: hold it.
        encoder_version: of this TV. A delta has no vectors, so they are made here.
        model_version: of the announced version.
    """
    held = facts.catalogue_name(stores.meta)
    if held is None or not encoder_version == model_version == facts.model_version(stores.meta):
        return None
    return held


def check(stores: Stores, delta: CatalogueDelta) -> None:
    """Refuses a delta that does not lead from the held titles to what it states.

    Raises:
        OmegaError: CORRUPT_RESOURCE; STORAGE_UNAVAILABLE.
    """
    if titles_sha256(_result(stores, delta)) != delta.sha256:
        raise OmegaError(ErrorCode.CORRUPT_RESOURCE, detail="a delta leads to other titles")


def items(
    stores: Stores, encoder: Encoder, delta: CatalogueDelta, between: Callable[[], None]
) -> list[StoredContent]:
    """The delta's titles with vectors: those that came with news, else made here.

    What is made is kept, so that a TV that is switched off meanwhile goes on where it stopped.

    Args:
        stores: know vectors that wait.
        encoder: makes the others, a few at a time.
        delta: one that was checked.
        between: called after each few: makes way for answers.

    Raises:
        OmegaError: MODEL_UNAVAILABLE, STORAGE_FULL, STORAGE_UNAVAILABLE.
    """
    waiting = stores.title_vectors.between(delta.base_version, delta.version, encoder.model_version)
    wanted = list(zip(delta.ordinals.tolist(), delta.contents, strict=True))
    made = {
        ordinal: StoredContent(
            content=content,
            embedding=waiting[ordinal],
            model_version=encoder.model_version,
            ordinal=ordinal,
        )
        for ordinal, content in wanted
        if ordinal in waiting
    }
    rest = [(ordinal, content) for ordinal, content in wanted if ordinal not in waiting]
    for begin in range(0, len(rest), _TURN):
        turn = rest[begin : begin + _TURN]
        for (ordinal, _), item in zip(
            turn, embedded(stores, encoder, [content for _, content in turn]), strict=True
        ):
            made[ordinal] = replace(item, ordinal=ordinal)
        _keep(stores, encoder.model_version, delta.version, [made[o] for o, _ in turn])
        between()
    return [made[ordinal] for ordinal, _ in wanted]


def _keep(stores: Stores, model: str, version: int, turn: list[StoredContent]) -> None:
    ordinals = [item.ordinal for item in turn if item.ordinal is not None]
    vectors = np.array([item.embedding for item in turn], np.float32)
    stores.title_vectors.keep(version, model, ordinals, vectors)


def _result(stores: Stores, delta: CatalogueDelta) -> Iterator[tuple[int, Content]]:
    """Ordinals and titles that the delta leads to, in the order of ordinals."""
    gone = {*delta.removed.tolist(), *delta.ordinals.tolist()}
    held = (
        (row.ordinal, row.content)
        for row in stores.contents.by_ordinal()
        if row.ordinal is not None and row.ordinal not in gone
    )
    fresh = zip(delta.ordinals.tolist(), delta.contents, strict=True)
    return merge(held, fresh, key=lambda title: title[0])

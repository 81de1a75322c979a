"""Steps between states under a codebook: each state is coded once, for all TVs and for good."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from omega_constellation.plain import trends_of
from omega_core.errors import ErrorCode, OmegaError
from omega_delta import GlobalPattern, Trends
from omega_delta.transform import (
    Codebook,
    CodedState,
    NewTitles,
    encode_news,
    unpack_state,
)
from omega_publish import global_patterns, store_coded
from omega_store import Connection, Store, coded, contents, states
from omega_store.states import NOTHING, State

MOST_TITLES = 160
"""Most new titles that are tried; fewer fit."""


@dataclass(frozen=True)
class CodedStep:
    """What a step is made of, as one instant of the shard had it."""

    book: Codebook
    """Of the TVs that take it."""
    state: State
    """Where it leads."""
    base: State
    """Where it starts; NOTHING = from nothing."""
    base_body: bytes | None
    """The base as it is coded."""
    body: bytes | None
    """The state as it is coded; None = it is not yet."""
    previous: bytes | None = field(repr=False)
    """The newest earlier state that is coded."""
    patterns: tuple[GlobalPattern, ...]
    """Of the state; empty where it is coded already."""
    trends: Trends | None
    """Of the region."""
    titles: NewTitles | None
    """That came into the catalogue since the base."""

    @property
    def base_version(self) -> int:
        """Version that it starts from; 0 = nothing."""
        return self.base.version

    def encode(self, store: Store, room: int) -> tuple[bytes]:
        """The one page of at most `room` bytes.

        Raises:
            OmegaError: STORAGE_UNAVAILABLE, STORAGE_FULL; INTERNAL when what is stored breaks the
                contract.
        """
        # In a shard of a fleet it was copied with the state: only a home shard codes.
        body = self.body or store_coded(
            store, self.book, self.state.version, self.patterns, self.previous
        )
        try:
            state = unpack_state(body, self.book)
            base = unpack_state(self.base_body, self.book) if self.base_body else None
            return (self._news(state, base, room),)
        except OmegaError as error:
            raise OmegaError(ErrorCode.INTERNAL, detail=f"coded state: {error}") from error

    def _news(self, state: CodedState, base: CodedState | None, room: int) -> bytes:
        try:
            return encode_news(self.book, state, base, self.trends, self.titles, room)
        except OmegaError as error:
            if base is None or error.field != "budget":
                raise
            # So much changed that the whole state takes less.
            return encode_news(self.book, state, None, self.trends, self.titles, room)


def read(conn: Connection, book: Codebook, held_version: int, region: str) -> CodedStep:
    """What leads a TV of a region from `held_version`; call it in Store.snapshot().

    It starts from nothing where the held version is not kept or was not coded under this codebook.
    """
    state = states.current(conn)
    base_body = coded.get(conn, held_version, book.id)
    base = (states.published(conn, held_version) if base_body else None) or NOTHING
    body = coded.get(conn, state.version, book.id)
    titles = _titles(conn, book, base, state)
    trends = trends_of(*states.trends_of(conn, state, region))
    if trends and titles:
        # One catalogue is named for both; an ordinal is never used again, so the later one serves.
        later = max(trends.catalogue_version, titles.catalogue_version)
        trends = replace(trends, catalogue_version=later)
        titles = replace(titles, catalogue_version=later)
    return CodedStep(
        book=book,
        state=state,
        base=base,
        base_body=base_body,
        body=body,
        previous=None if body else coded.latest_before(conn, state.version, book.id),
        patterns=() if body else global_patterns(states.patterns(conn)),
        trends=trends,
        titles=titles,
    )


def _titles(conn: Connection, book: Codebook, base: State, state: State) -> NewTitles | None:
    after, until = base.catalogue_version, state.catalogue_version
    if until <= after:
        return None
    ordinals, vectors = contents.changed_between(
        conn, book.model_version, after, until, MOST_TITLES
    )
    return NewTitles(until, ordinals, vectors) if len(ordinals) else None

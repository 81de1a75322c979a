"""States as they are coded under a codebook: once, in the home shard, for all TVs and for good."""

from __future__ import annotations

from collections.abc import Iterable

from omega_core.errors import ErrorCode, OmegaError
from omega_delta import STATE_BYTES, GlobalPattern
from omega_delta.transform import Codebook, code_state, pack_state, unpack_state
from omega_store import Connection, Store, coded, resources, states
from omega_store.resources import ResourceKind, codebook_id
from omega_store.states import Pattern


def global_patterns(patterns: Iterable[Pattern]) -> tuple[GlobalPattern, ...]:
    """Stored patterns as they travel."""
    return tuple(
        GlobalPattern(
            pattern_id=p.pattern_id,
            embedding=p.embedding,
            success_rate=p.success_rate,
            device_count_floor=p.device_count_floor,
            weight=p.weight,
        )
        for p in patterns
    )


def store_coded(
    store: Store,
    book: Codebook,
    version: int,
    patterns: tuple[GlobalPattern, ...],
    previous: bytes | None,
) -> bytes:
    """Codes a state and stores it; the body that holds, as another process may have been first.

    Args:
        store: the shard.
        book: the codebook.
        version: of the state.
        patterns: of the state.
        previous: the newest earlier state as it is coded under that codebook; None = there is none.

    Raises:
        OmegaError: INTERNAL when what is stored breaks the contract; STORAGE_UNAVAILABLE,
            STORAGE_FULL.
    """
    try:
        before = unpack_state(previous, book) if previous else None
        body = pack_state(code_state(book, version, patterns, before, STATE_BYTES), book)
    except OmegaError as error:
        raise OmegaError(ErrorCode.INTERNAL, detail=f"state {version}: {error}") from error
    with store.transaction("store coded state") as conn:
        return coded.put(conn, version, book.id, body)


def uncoded(conn: Connection) -> list[int]:
    """Ids of the kept codebooks under which the newest state is not coded yet; in a snapshot."""
    state = states.current(conn)
    rows = conn.execute(
        "SELECT DISTINCT sha256 FROM resources WHERE (kind, model_version) = (%s, %s)",
        (ResourceKind.CODEBOOK, state.model_version),
    ).fetchall()
    ids = sorted(codebook_id(bytes(sha256)) for (sha256,) in rows)
    return [each for each in ids if coded.get(conn, state.version, each) is None]


def code_newest(store: Store) -> None:
    """Codes the newest state under every kept codebook of its encoder.

    Raises:
        OmegaError: as store_coded().
    """
    with store.snapshot("read uncoded state") as conn:
        version = states.current(conn).version
        missing = uncoded(conn) if version else []
        bodies = {each: resources.newest_codebook(conn, each) for each in missing}
        before = {each: coded.latest_before(conn, version, each) for each in missing}
        patterns = global_patterns(states.patterns(conn)) if missing else ()
    for each, body in bodies.items():
        if body is not None:
            store_coded(store, Codebook.decode(body), version, patterns, before[each])

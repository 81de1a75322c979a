"""Factor deltas through gateway, constellation and Postgres."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from omega.common.v1 import resource_pb2
from omega_client import SyncClient
from omega_delta import FactorPack, apply_factor_delta, encode_factors, factors_sha256
from omega_rpc.dpop import Prover
from omega_store import Store, resources
from omega_store.resources import ResourceKind
from omega_testing.fleet import MODEL, NOW
from omega_testing.news import factors_of
from omega_testing.refusals import Refusal, refused
from omega_testing.site import enrolled

FACTORS = resource_pb2.ResourceKind.RESOURCE_KIND_FACTORS
PACKS: list[FactorPack] = [factors_of(range(300), 1, model_version=MODEL, rank=16)]
for version in (2, 3):
    last = PACKS[-1].factors
    lower = np.where(last % 31 == version, np.maximum(last, -126) - 1, last).astype(np.int8)
    PACKS.append(replace(PACKS[-1], version=version, factors=lower))
# Nothing of it is as before.
PACKS.append(factors_of(range(1_000, 1_300), 4, model_version=MODEL, rank=16, seed=9))
PACKS.append(factors_of(range(1_000, 1_300), 5, model_version=MODEL, rank=17, seed=9))
BODIES = {pack.version: encode_factors(pack) for pack in PACKS}


@pytest.fixture
def credential(tv: SyncClient) -> Prover:
    return enrolled(tv).prover


@pytest.fixture
def published(shard: Store) -> Iterator[Store]:
    """The last three versions are kept: 3 to 5; before, 1 to 3."""
    yield shard
    with shard.transaction() as conn:
        conn.execute("DELETE FROM resources WHERE kind = 2")


def publish(store: Store, *versions: int) -> None:
    with store.transaction() as conn:
        for version in versions:
            body = BODIES[version]
            resources.publish(
                conn, ResourceKind.FACTORS, version, model_version=MODEL, body=body, now=NOW
            )


def asked(
    tv: SyncClient,
    credential: Prover,
    version: int,
    base: int,
    sha256: bytes | None = None,
    offset: int = 0,
) -> tuple[int, bytes]:
    """The base that the answer starts from and what it holds."""
    named = (base, factors_sha256(BODIES[base]) if sha256 is None else sha256) if base else (0, b"")
    chunks = list(tv.get_resource(FACTORS, version, offset, credential=credential, base=named))
    info, body = chunks[0].info, b"".join(chunk.data for chunk in chunks)
    if not offset:
        assert (info.size_bytes, info.sha256) == (len(body), hashlib.sha256(body).digest())
    return info.base_version, body


def test_what_is_held_decides_between_delta_and_body(
    tv: SyncClient, credential: Prover, published: Store
) -> None:
    publish(published, 1, 2, 3)
    for base, version in ((1, 2), (2, 3), (1, 3)):
        for _ in range(2):
            started, delta = asked(tv, credential, version, base)
            assert started == base
            assert len(delta) < len(BODIES[version]) / 2
            assert apply_factor_delta(BODIES[base], delta) == BODIES[version]
    # Unknown, of the same number and another content, none, and in the middle of a transfer.
    assert asked(tv, credential, 3, 9, bytes(32)) == (0, BODIES[3])
    assert asked(tv, credential, 3, 2, bytes(32)) == (0, BODIES[3])
    assert asked(tv, credential, 3, 0) == (0, BODIES[3])
    assert asked(tv, credential, 3, 2, offset=100) == (0, BODIES[3][100:])
    # Larger than the body, and of another rank.
    publish(published, 4, 5)
    assert asked(tv, credential, 4, 3) == (0, BODIES[4])
    assert asked(tv, credential, 5, 4) == (0, BODIES[5])
    # 1 is not kept any more; what was encoded from it may still be told.
    assert asked(tv, credential, 5, 1) == (0, BODIES[5])


@pytest.mark.parametrize(
    ("field", "base"),
    [
        ("base_version", (2**63, bytes(32))),
        ("base_sha256", (1, b"")),
        ("base_sha256", (1, bytes(31))),
        ("base_sha256", (0, bytes(32))),
    ],
)
def test_a_base_out_of_bounds_is_invalid(
    field: str, base: tuple[int, bytes], tv: SyncClient, credential: Prover
) -> None:
    wrong = Refusal("INVALID_ARGUMENT", "INVALID_FIELD", field)
    assert (
        refused(lambda: list(tv.get_resource(FACTORS, 1, credential=credential, base=base)))
        == wrong
    )

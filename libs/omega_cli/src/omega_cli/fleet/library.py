"""What the TVs of a simulation hold between them: bodies and states, each decoded once.

A state is the same for every TV of a region, to the bit. So what a TV was sent is decoded where no
TV was sent these very bytes before, and compared with what others were led to; a sample of TVs
decodes everything by itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from omega.common.v1 import resource_pb2
from omega.sync.v1 import sync_service_pb2 as pb
from omega_core.errors import ErrorCode, OmegaError
from omega_delta import (
    decode_catalogue,
    decode_factors,
    decode_state_delta,
    join_state_deltas,
)
from omega_delta.transform import Codebook, CodedState, decode_news

TRANSFORM = resource_pb2.CODEC_TRANSFORM


class Library:
    """Decodes and compares. Not for several threads at once."""

    def __init__(self) -> None:
        self._codebooks: dict[int, Codebook] = {}
        self._states: dict[tuple[int, int], CodedState] = {}
        self._read: dict[tuple[int, int, bytes], int] = {}
        self._bodies: set[bytes] = set()
        self.decoded = 0
        """News that were decoded."""
        self.compared = 0
        """States that a TV of the sample was led to, equal to the others' to the bit."""

    def codebook_id(self, version: int) -> int:
        """Id of a fetched codebook; 0 = version 0, none."""
        return self._codebooks[version].id if version else 0

    def take_body(self, info: resource_pb2.ResourceInfo, body: bytes) -> None:
        """Checks a body that a TV fetched, and reads it where it is new.

        Raises:
            OmegaError: CORRUPT_RESOURCE or INVALID_FIELD when it is not what was announced.
        """
        found = hashlib.sha256(body).digest()
        if len(body) != info.size_bytes or found != info.sha256:
            raise OmegaError(ErrorCode.CORRUPT_RESOURCE, detail=f"{len(body)} bytes")
        if found in self._bodies:
            return
        if info.kind == resource_pb2.RESOURCE_KIND_CODEBOOK:
            self._codebooks[info.version] = Codebook.decode(body)
        elif info.kind == resource_pb2.RESOURCE_KIND_CATALOGUE:
            decode_catalogue(body)
        else:
            decode_factors(body)
        self._bodies.add(found)

    def take_news(
        self,
        codebook_version: int,
        held: int,
        answer: pb.SyncResponse,
        rest: Sequence[bytes],
        *,
        alone: bool,
    ) -> int:
        """The version that news lead to.

        Args:
            codebook_version: that the TV holds; 0 = none.
            held: version that it said it holds.
            answer: with the first page.
            rest: the pages after it.
            alone: whether to decode what was decoded before, and compare.

        Raises:
            OmegaError: INVALID_FIELD when they cannot be read, or lead elsewhere than to what they
                state or to what other TVs hold.
        """
        digest = hashlib.blake2b(b"".join((answer.delta, *rest)), digest_size=16).digest()
        key = (codebook_version, held, digest)
        version = self._read.get(key)
        if version is None or alone:
            version = self._decode(codebook_version, held, answer, rest)
            self._read[key] = version
            self.decoded += 1
        if version != answer.state_version:
            raise _elsewhere(f"version {version}, not {answer.state_version}")
        return version

    def _decode(
        self, codebook_version: int, held: int, answer: pb.SyncResponse, rest: Sequence[bytes]
    ) -> int:
        if answer.codec != TRANSFORM:
            pages = [decode_state_delta(page, answer.codec) for page in (answer.delta, *rest)]
            return join_state_deltas(pages).version
        book = self._codebooks[codebook_version]
        state = decode_news(answer.delta, book, self._states.get((book.id, held))).state
        others = self._states.setdefault((book.id, state.version), state)
        if others is not state:
            if not _equal(others, state):
                raise _elsewhere(f"another state {state.version} than other TVs hold")
            self.compared += 1
        return state.version


def _equal(a: CodedState, b: CodedState) -> bool:
    columns = ("ids", "rates", "floors", "weights", "coefficients")
    return (a.version, a.codebook_id, a.step) == (b.version, b.codebook_id, b.step) and all(
        np.array_equal(getattr(a, name), getattr(b, name)) for name in columns
    )


def _elsewhere(detail: str) -> OmegaError:
    return OmegaError(
        ErrorCode.INVALID_FIELD, field="delta", bound="news of that state", detail=detail
    )

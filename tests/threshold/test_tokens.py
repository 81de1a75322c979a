"""Tokens: given out blindly, taken once, for one thing, in their epoch."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from omega_core.errors import ErrorCode, OmegaError
from omega_threshold import (
    TOKEN_BYTES,
    KeyRing,
    Redeemer,
    Schedule,
    SecretKey,
    SpentTokens,
    Token,
    TokenRequest,
    evaluate,
)
from omega_threshold.tokens import Keys

NOW = datetime(2026, 11, 30, tzinfo=UTC)
EPOCH = Schedule().at(NOW)


@pytest.fixture
def redeemer(ring: KeyRing, tmp_path: Path) -> Iterator[Redeemer]:
    with SpentTokens(tmp_path / "spent") as spent:
        yield Redeemer(ring, spent)


def issued(ring: Keys, count: int = 1) -> list[Token]:
    """What a TV gets for `count` blinded numbers."""
    request, key = TokenRequest.drawn(EPOCH, count), ring.key(EPOCH, NOW)
    return request.finalize(evaluate(key, request.blinded.elements), key.public)


def refused(redeemer: Redeemer, token: Token, spent_on: bytes = b"a report") -> ErrorCode:
    with pytest.raises(OmegaError) as error:
        redeemer.redeem(token, spent_on, NOW)
    return error.value.code


def test_each_of_a_batch_is_taken_once(redeemer: Redeemer) -> None:
    tokens = issued(redeemer.keys, 4)
    assert len(set(tokens)) == 4
    assert all(redeemer.redeem(token, b"%d" % n, NOW) for n, token in enumerate(tokens))
    assert {refused(redeemer, token) for token in tokens} == {ErrorCode.TOKEN_REFUSED}


def test_a_call_that_is_repeated_pays_once(redeemer: Redeemer) -> None:
    (token,) = issued(redeemer.keys)
    assert [redeemer.redeem(token, b"a report", NOW) for _ in range(3)] == [True, False, False]
    assert refused(redeemer, token, b"another") is ErrorCode.TOKEN_REFUSED


def test_a_token_that_was_not_given_out_is_refused(redeemer: Redeemer) -> None:
    (token,) = issued(redeemer.keys)
    stranger = SecretKey.derived(b"\1" * 32, b"tests").evaluate(token.nonce)[:32]
    for forged in (
        replace(token, nonce=os.urandom(32)),
        replace(token, mac=bytes([token.mac[0] ^ 1]) + token.mac[1:]),
        replace(token, mac=stranger),
    ):
        assert refused(redeemer, forged) is ErrorCode.TOKEN_REFUSED
    assert redeemer.redeem(token, b"a report", NOW)


def test_a_token_is_worth_nothing_in_another_epoch(redeemer: Redeemer) -> None:
    (token,) = issued(redeemer.keys)
    assert refused(redeemer, replace(token, epoch=EPOCH + 1)) is ErrorCode.EPOCH_CLOSED
    later = Schedule().ends(EPOCH)
    redeemer.keys.key(EPOCH + 1, later)
    with pytest.raises(OmegaError, match="token must be a token of this epoch"):
        redeemer.redeem(replace(token, epoch=EPOCH + 1), b"a report", later)
    with pytest.raises(OmegaError, match="epoch must be one that is open"):
        redeemer.redeem(token, b"a report", Schedule().closes(EPOCH))


def test_an_issuer_that_marks_a_tvs_tokens_is_found_out(ring: KeyRing) -> None:
    request, marked = TokenRequest.drawn(EPOCH, 2), SecretKey.derived(b"\1" * 32, b"tests")
    with pytest.raises(OmegaError) as error:
        request.finalize(evaluate(marked, request.blinded.elements), ring.key(EPOCH, NOW).public)
    assert error.value.code is ErrorCode.PROOF_REFUSED


def test_what_the_issuer_saw_is_not_in_the_tokens(ring: KeyRing) -> None:
    request, key = TokenRequest.drawn(EPOCH, 3), ring.key(EPOCH, NOW)
    answer = evaluate(key, request.blinded.elements)
    seen = (*request.blinded.elements, *answer.elements, answer.proof)
    for token in request.finalize(answer, key.public):
        data = token.encode()
        assert len(data) == TOKEN_BYTES
        assert Token.decode(data) == token
        assert not any(part[:8] in data for part in seen)


@pytest.mark.parametrize("data", [b"", bytes(TOKEN_BYTES - 1), bytes(TOKEN_BYTES + 1)])
def test_what_is_no_token_is_refused(data: bytes) -> None:
    with pytest.raises(OmegaError, match="token must be exactly 68 bytes"):
        Token.decode(data)


@pytest.mark.parametrize("count", [0, 129])
def test_a_request_has_bounds(count: int) -> None:
    with pytest.raises(OmegaError, match="count must be between 1 and 128"):
        TokenRequest.drawn(EPOCH, count)


def test_of_many_that_spend_one_token_at_once_one_does(tmp_path: Path) -> None:
    def spend(n: int) -> bool:
        try:
            return spenders[n % 2].spend(1, b"nonce", b"%d" % n)
        except OmegaError:
            return False

    with SpentTokens(tmp_path / "spent") as one, SpentTokens(tmp_path / "spent") as other:
        spenders = (one, other)
        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(spend, range(24))) == 1


_SPENDS_AND_DIES = """
import os, signal, sys
from pathlib import Path
from omega_threshold import SpentTokens
assert SpentTokens(Path(sys.argv[1])).spend(1, b"nonce", b"a report")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_was_spent_before_a_kill_is_spent_after_it(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", _SPENDS_AND_DIES, tmp_path / "spent"], check=False)
    assert done.returncode == -signal.SIGKILL
    with SpentTokens(tmp_path / "spent") as spent:
        assert not spent.spend(1, b"nonce", b"a report")
        with pytest.raises(OmegaError, match="token must be a token of this epoch"):
            spent.spend(1, b"nonce", b"another")


def test_a_closed_epochs_tokens_are_forgotten(tmp_path: Path) -> None:
    with SpentTokens(tmp_path / "spent") as spent:
        for epoch in (1, 2, 3):
            spent.spend(epoch, b"nonce", b"a report")
        assert spent.forget(2) == 2
        assert spent.spend(2, b"nonce", b"another")
        assert not spent.spend(3, b"nonce", b"a report")

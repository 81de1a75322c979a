"""The oblivious function beyond its vectors: what a server or a TV that cheats gets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega_core.errors import ErrorCode, OmegaError
from omega_threshold import Evaluation, Mode, SecretKey, blind, evaluate
from omega_threshold.ristretto import IDENTITY, ORDER, generated

VALUES = (b"one", b"two", b"three")
OTHER = SecretKey.derived(b"\1" * 32, b"tests")


@settings(max_examples=15)
@given(st.lists(st.binary(max_size=40), min_size=1, max_size=4), st.sampled_from(Mode))
def test_the_exchange_gives_what_the_key_gives(values: list[bytes], mode: Mode) -> None:
    key = SecretKey.derived(b"\2" * 32, b"", mode)
    asked = blind(values, mode=mode)
    outputs = asked.finalize(evaluate(key, asked.elements), key.public)
    assert outputs == [key.evaluate(value) for value in values]


def test_the_same_input_is_never_asked_in_the_same_words() -> None:
    asked = [blind([b"one"]).elements[0] for _ in range(20)]
    assert len(set(asked)) == 20


def test_keys_and_modes_give_outputs_of_their_own(key: SecretKey) -> None:
    other_mode = SecretKey(key.secret, Mode.OPRF)
    assert len({each.evaluate(b"one") for each in (key, OTHER, other_mode)}) == 3


def _swapped(answer: Evaluation) -> Evaluation:
    first, second, third = answer.elements
    return replace(answer, elements=(second, first, third))


def _by_another_key(answer: Evaluation) -> Evaluation:
    """One of three by another key, with the proof that its maker could give for the rest."""
    wrong = evaluate(OTHER, answer.elements[:1]).elements[0]
    return replace(answer, elements=(wrong, *answer.elements[1:]))


def _flipped(at: int) -> Callable[[Evaluation], Evaluation]:
    def flip(answer: Evaluation) -> Evaluation:
        proof = bytearray(answer.proof)
        proof[at] ^= 1
        return replace(answer, proof=bytes(proof))

    return flip


FORGED = {
    "elements in another order": _swapped,
    "one by another key": _by_another_key,
    "challenge": _flipped(0),
    "response": _flipped(32),
    "zeros": lambda answer: replace(answer, proof=bytes(64)),
    "challenge of zero": lambda answer: replace(answer, proof=bytes(32) + answer.proof[32:]),
    "response of zero": lambda answer: replace(answer, proof=answer.proof[:32] + bytes(32)),
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
def test_a_forged_proof_is_refused(
    key: SecretKey, forge: Callable[[Evaluation], Evaluation]
) -> None:
    asked = blind(VALUES)
    with pytest.raises(OmegaError) as refused:
        asked.finalize(forge(evaluate(key, asked.elements)), key.public)
    assert refused.value.code is ErrorCode.PROOF_REFUSED


def test_a_server_with_a_key_for_one_tv_is_found_out(key: SecretKey) -> None:
    asked = blind(VALUES)
    with pytest.raises(OmegaError) as refused:
        asked.finalize(evaluate(OTHER, asked.elements), key.public)
    assert refused.value.code is ErrorCode.PROOF_REFUSED


def test_a_proof_of_another_exchange_shows_nothing(key: SecretKey) -> None:
    asked, before = blind(VALUES), blind(VALUES)
    answer = replace(evaluate(key, asked.elements), proof=evaluate(key, before.elements).proof)
    with pytest.raises(OmegaError) as refused:
        asked.finalize(answer, key.public)
    assert refused.value.code is ErrorCode.PROOF_REFUSED


MALFORMED: dict[str, tuple[Callable[[Evaluation], Evaluation], str]] = {
    "no proof": (lambda a: replace(a, proof=b""), "proof must be"),
    "long proof": (lambda a: replace(a, proof=a.proof + b"\0"), "proof must be"),
    "scalar twice": (
        lambda a: replace(a, proof=a.proof[:32] + ORDER.to_bytes(32, "little")),
        "proof must be",
    ),
    "one too few": (lambda a: replace(a, elements=a.elements[1:]), "exactly 3 items"),
    "identity": (lambda a: replace(a, elements=(IDENTITY, *a.elements[1:])), "elements must be"),
    "no element": (lambda a: replace(a, elements=(b"", *a.elements[1:])), "elements must be"),
}


@pytest.mark.parametrize(("change", "said"), MALFORMED.values(), ids=MALFORMED)
def test_an_answer_of_the_wrong_form_is_refused(
    key: SecretKey, change: Callable[[Evaluation], Evaluation], said: str
) -> None:
    asked = blind(VALUES)
    with pytest.raises(OmegaError, match=said):
        asked.finalize(change(evaluate(key, asked.elements)), key.public)


@pytest.mark.parametrize("element", [IDENTITY, b"\xff" * 32, b""])
def test_a_server_multiplies_no_element_but_those_of_the_group(
    key: SecretKey, element: bytes
) -> None:
    with pytest.raises(OmegaError, match="blinded must be an element"):
        evaluate(key, [blind([b"one"]).elements[0], element])


@pytest.mark.parametrize("count", [0, 129])
def test_a_batch_has_bounds(key: SecretKey, count: int) -> None:
    with pytest.raises(OmegaError, match="blinded must be 1 to 128 items"):
        evaluate(key, [generated(b"\1" + bytes(31))] * count)
    with pytest.raises(OmegaError, match="values must be 1 to 128 items"):
        blind([b"one"] * count)


@pytest.mark.parametrize("secret", [bytes(32), ORDER.to_bytes(32, "little"), b"\1"])
def test_what_is_no_secret_key_is_refused(secret: bytes) -> None:
    with pytest.raises(OmegaError, match="secret must be a scalar"):
        SecretKey(secret)


def test_a_seed_has_32_bytes() -> None:
    with pytest.raises(OmegaError, match="seed must be exactly 32 bytes"):
        SecretKey.derived(bytes(31), b"")


def test_secrets_stand_in_no_text(key: SecretKey) -> None:
    assert key.secret.hex() not in repr(key)
    assert repr(key.secret) not in repr(key)
    asked = blind([b"a title"])
    assert "a title" not in repr(asked)
    assert repr(asked.blinds[0]) not in repr(asked)

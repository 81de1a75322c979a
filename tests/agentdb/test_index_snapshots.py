"""A snapshot is either exactly what was saved, or refused so that the table rebuilds it."""

from __future__ import annotations

import json
import resource
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from omega_agentdb import ExactIndex, HnswIndex, Snapshot, load_snapshot, save_snapshot
from omega_core.errors import ErrorCode, OmegaError
from omega_core.vectors import FloatArray

MakeVectors = Callable[..., FloatArray]
DIMENSION, N = 24, 300
SAVED: dict[str, Any] = {"lineage": "line-1", "model_version": "encoder-1"}
RECIPE: dict[str, Any] = SAVED | {
    "current_rev": 42,
    "dimension": DIMENSION,
    "m": 8,
    "exact_below": 0,
}


@pytest.fixture
def index(make_vectors: MakeVectors) -> HnswIndex:
    made = HnswIndex(DIMENSION, m=8, exact_below=0)
    rows = make_vectors(N, dimension=DIMENSION)
    made.add(np.arange(N), rows)
    made.add(np.arange(10), rows[10:20])
    made.remove(np.arange(50, 60))
    return made


@pytest.fixture
def saved(tmp_path: Path, index: HnswIndex) -> Path:
    directory = tmp_path / "index"
    assert save_snapshot(index, directory, applied_rev=42, **SAVED)
    return directory


def loaded(directory: Path, **changes: Any) -> Snapshot:
    snapshot = load_snapshot(directory, **(RECIPE | changes))
    assert snapshot is not None
    return snapshot


def test_a_snapshot_comes_back_as_it_was(
    saved: Path, index: HnswIndex, make_vectors: MakeVectors
) -> None:
    snapshot = loaded(saved)
    assert snapshot.applied_rev == 42
    np.testing.assert_array_equal(snapshot.index.ids(), index.ids())
    for query in make_vectors(20, seed=5, dimension=DIMENSION):
        for allowed in (None, np.arange(0, N, 2)):
            expected, found = (
                index.search(query, 9, allowed),
                snapshot.index.search(query, 9, allowed),
            )
            np.testing.assert_array_equal(found.ids, expected.ids)
            np.testing.assert_array_equal(found.cosines, expected.cosines)


def test_a_loaded_index_goes_on(saved: Path, make_vectors: MakeVectors) -> None:
    restored = loaded(saved).index
    more = make_vectors(N, seed=9, dimension=DIMENSION)
    restored.add(np.arange(N, 2 * N), more)
    restored.add(np.arange(100), more[:100])
    restored.remove(np.arange(100, 200))
    assert len(restored) == 2 * N - 100
    for number in (0, 99):
        assert number in restored.search(more[number], 2).ids
    assert restored.search(more[7], 2).ids.tolist() == [7, N + 7]


def test_an_empty_index_has_a_snapshot_too(tmp_path: Path) -> None:
    save_snapshot(HnswIndex(DIMENSION, m=8), tmp_path, applied_rev=0, **SAVED)
    assert len(loaded(tmp_path).index) == 0


def test_there_is_none_at_first(tmp_path: Path) -> None:
    assert load_snapshot(tmp_path / "none", **RECIPE) is None


def test_an_exact_index_needs_none(tmp_path: Path) -> None:
    assert not save_snapshot(ExactIndex(), tmp_path / "index", applied_rev=1, **SAVED)
    assert not (tmp_path / "index").exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"lineage": "line-2"},
        {"model_version": "encoder-2"},
        {"dimension": DIMENSION * 2},
        {"m": 16},
        {"ef_construction": 100},
        {"current_rev": 41},
    ],
)
def test_a_snapshot_of_another_recipe_is_refused_with_its_reason(
    saved: Path, changes: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    assert load_snapshot(saved, **(RECIPE | changes)) is None
    (record,) = (each for each in caplog.records if each.name.startswith("omega_agentdb"))
    assert "is not used" in record.getMessage()
    assert str(next(iter(changes.values()))) in record.getMessage()


def test_ef_may_change_between_runs(saved: Path) -> None:
    assert loaded(saved, ef=10).index.ef == 10


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_any_damage_to_any_file_is_refused(saved: Path, data: st.DataObject) -> None:
    copy = saved.with_name("copy")
    shutil.copytree(saved, copy)
    try:
        victim = data.draw(st.sampled_from(sorted(copy.iterdir())))
        content = bytearray(victim.read_bytes())
        kind = data.draw(st.sampled_from(["flip", "cut", "append", "gone"]))
        place = data.draw(st.integers(0, len(content) - 1))
        if kind == "flip":
            content[place] ^= data.draw(st.integers(1, 255))
        elif kind == "cut":
            del content[place:]
        elif kind == "append":
            content += b"\0"
        victim.write_bytes(content)
        if kind == "gone":
            victim.unlink()
        snapshot = load_snapshot(copy, **RECIPE)
        # White space around a manifest says nothing and hurts nothing.
        if snapshot is not None:
            assert victim.suffix == ".json"
            assert json.loads(content) == json.loads((saved / victim.name).read_bytes())
    finally:
        shutil.rmtree(copy)


def test_a_damaged_generation_falls_back_to_the_one_before(
    saved: Path, index: HnswIndex, make_vectors: MakeVectors
) -> None:
    index.add(np.array([1_000]), make_vectors(1, seed=4, dimension=DIMENSION))
    save_snapshot(index, saved, applied_rev=50, **SAVED)
    assert len(loaded(saved, current_rev=50).index) == len(index)
    newest = max(saved.glob("graph-*.bin"))
    newest.write_bytes(newest.read_bytes()[:-1])
    snapshot = loaded(saved, current_rev=50)
    assert (snapshot.applied_rev, len(snapshot.index)) == (42, len(index) - 1)


def test_two_generations_are_kept_and_leftovers_swept_up(saved: Path, index: HnswIndex) -> None:
    (saved / "graph-00000099.bin").write_bytes(b"left by a crash before its manifest")
    (saved / "manifest-00000099.tmp").write_bytes(b"{")
    (saved / "notes.txt").write_text("not ours")
    for rev in (43, 44, 45):
        save_snapshot(index, saved, applied_rev=rev, **SAVED)
    names = sorted(path.name for path in saved.iterdir())
    assert names == [
        "graph-00000003.bin",
        "graph-00000004.bin",
        "manifest-00000003.json",
        "manifest-00000004.json",
        "notes.txt",
        "rows-00000003.bin",
        "rows-00000004.bin",
    ]
    assert loaded(saved, current_rev=45).applied_rev == 45


def test_files_from_another_generation_never_mix(saved: Path, index: HnswIndex) -> None:
    save_snapshot(index, saved, applied_rev=42, **SAVED)
    index.remove(np.array([200]))
    save_snapshot(index, saved, applied_rev=42, **SAVED)
    older, newer = sorted(saved.glob("rows-*.bin"))
    newer.write_bytes(older.read_bytes())
    assert 200 in loaded(saved).index.ids()  # the older generation, whole


def test_a_changed_number_in_the_manifest_is_damage(saved: Path) -> None:
    (manifest,) = saved.glob("manifest-*.json")
    manifest.write_bytes(manifest.read_bytes().replace(b'"applied_rev": 42', b'"applied_rev": 41'))
    assert load_snapshot(saved, **RECIPE) is None


@pytest.mark.parametrize("fits", ["nothing", "rows"])
def test_a_disk_without_room_leaves_the_snapshot_before(
    saved: Path, index: HnswIndex, make_vectors: MakeVectors, tmp_path: Path, fits: str
) -> None:
    before = {path.name: path.read_bytes() for path in saved.iterdir()}
    index.add(np.arange(1_000, 2_000), make_vectors(1_000, seed=6, dimension=DIMENSION))
    index.export(tmp_path / "graph", tmp_path / "rows")
    room = 20_000 if fits == "nothing" else (tmp_path / "rows").stat().st_size
    assert room < (tmp_path / "graph").stat().st_size
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        with pytest.raises(OmegaError) as refused:
            save_snapshot(index, saved, applied_rev=50, **SAVED)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert refused.value.code in {ErrorCode.STORAGE_FULL, ErrorCode.STORAGE_UNAVAILABLE}
    assert {path.name: path.read_bytes() for path in saved.iterdir()} == before
    assert loaded(saved).applied_rev == 42


def test_a_place_that_is_no_directory_is_unavailable(tmp_path: Path, index: HnswIndex) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OmegaError) as refused:
        save_snapshot(index, tmp_path / "file", applied_rev=1, **SAVED)
    assert refused.value.code is ErrorCode.STORAGE_UNAVAILABLE


def test_only_the_owner_can_enter_the_directory(saved: Path) -> None:
    assert stat.S_IMODE(saved.stat().st_mode) == 0o700

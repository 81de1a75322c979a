"""Writes tests/contract/codec/: a small codebook, messages, and what a reader makes of each.

Usage: codec_vectors.py [FOLDER]. The files are part of the contract: they change when docs/codec.md
does, and never else.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from omega_core import validate
from omega_core.vectors import FloatArray
from omega_delta import GlobalPattern
from omega_delta.transform import (
    Codebook,
    CodedState,
    News,
    code_state,
    decode_news,
    encode_news,
    layout,
    patterns_of,
)
from omega_delta.transform.message import PackedNews, finish
from omega_delta.transform.patterns import write_patterns
from omega_delta.transform.rans import Writer
from omega_testing import codec

FOLDER = Path(__file__).resolve().parents[1] / "tests" / "contract" / "codec"
COEFFICIENTS, ANCHORS, WIDTH = 24, 4, 16
BUDGET = 1_200
Vectors = list[FloatArray]
Case = dict[str, Any]


def main() -> int:
    """Writes the three files."""
    folder = Path(sys.argv[1]) if sys.argv[1:] else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    of = codec.world()
    book = small(of.codebook)
    vectors: Vectors = []
    cases = [*sound(of, book, vectors)]
    cases += refused(book, cases)
    stated = {"codebook_id": book.id, "model_version": book.model_version, "cases": cases}
    (folder / "codebook.bin").write_bytes(book.body)
    (folder / "vectors.f32").write_bytes(np.stack(vectors).astype("<f4").tobytes())
    (folder / "cases.json").write_text(json.dumps(stated, indent=1) + "\n", "utf-8")
    print(f"{len(cases)} cases, {len(vectors)} vectors in {folder}")
    return 0


def small(book: Codebook) -> Codebook:
    """The first coefficients and anchors of a codebook."""
    return replace(
        book,
        scales=book.scales[:COEFFICIENTS],
        starts=book.starts[:COEFFICIENTS],
        spreads=book.spreads[:, :COEFFICIENTS],
        anchors=book.anchors[:ANCHORS, :WIDTH],
        basis=book.basis[:COEFFICIENTS],
    )


def sound(of: codec.World, book: Codebook, vectors: Vectors) -> Iterator[Case]:
    """Messages that lead somewhere."""
    first = codec.tastes(of, 9, 1)
    second = codec.changed(first, of, 2)
    third = codec.changed(second, of, 3)
    moved = tuple(replace(p, embedding=-p.embedding) for p in third[:2]) + third[2:]
    one = code_state(book, 1, first, None, BUDGET)
    two = code_state(book, 2, second, one, BUDGET)
    three = code_state(book, 40, moved, replace(two, version=39), BUDGET)
    three = same_step(book, three, one, moved)
    none = replace(code_state(book, 41, (), None, BUDGET), step=one.step)
    steps: list[tuple[str, str | None, CodedState, CodedState | None, int, int]] = [
        ("from nothing", None, one, None, 0, 0),
        ("with trends and titles", None, one, None, 10, 6),
        ("the next version", "from nothing", two, one, 3, 0),
        ("the next version, from nothing", None, two, None, 0, 4),
        ("many versions on", "from nothing", three, one, 0, 2),
        ("everything is gone", "from nothing", none, one, 32, 0),
        ("nothing at all", None, none, None, 0, 0),
    ]
    for name, base, state, held, trends, titles in steps:
        extra = codec.rises(trends, 7), codec.novelties(of, titles, 7)
        message = encode_news(book, state, held, *extra, 4_000)
        yield told(name, base, message, book, decode_news(message, book, held), vectors)


def same_step(
    book: Codebook, state: CodedState, base: CodedState, patterns: tuple[GlobalPattern, ...]
) -> CodedState:
    """The state under the step of the base, so that it can be reached from there."""
    if state.step == base.step:
        return state
    made = code_state(book, base.version + 1, patterns, base, BUDGET)
    return replace(made, version=state.version)


def told(
    name: str, base: str | None, message: bytes, book: Codebook, news: News, vectors: Vectors
) -> Case:
    """A case that is accepted."""

    def noted(vector: FloatArray) -> int:
        vectors.append(vector)
        return len(vectors) - 1

    state, trends, titles = news.state, news.trends, news.titles
    rows = zip(state.ids, state.rates, state.floors, state.weights, strict=True)
    return {
        "name": name,
        "base": base,
        "message": message.hex(),
        "accepted": True,
        "version": state.version,
        "patterns": [
            {
                "id": int(i),
                "rate": int(rate),
                "floor": int(floor),
                "weight": int(weight),
                "vector": noted(pattern.embedding),
            }
            for (i, rate, floor, weight), pattern in zip(
                rows, patterns_of(state, book), strict=True
            )
        ],
        "trends_at": int((trends.at - validate.EARLIEST).total_seconds()) if trends else 0,
        "trends": [
            {"ordinal": t.ordinal, "score": round(64 * t.score), "regional": t.regional}
            for t in (trends.titles if trends else ())
        ],
        "titles": [
            {"ordinal": int(o), "vector": noted(v)}
            for o, v in (zip(titles.ordinals, titles.embeddings, strict=True) if titles else ())
        ],
    }


def refused(book: Codebook, cases: list[Case]) -> Iterator[Case]:
    """Messages that have to be refused, whatever the checksum says of them."""
    whole = bytes.fromhex(cases[0]["message"])
    step = bytes.fromhex(cases[2]["message"])
    state = decode_news(whole, book, None).state
    broken: dict[str, bytes] = {
        "empty": b"",
        "cut short": whole[:-1],
        "something follows": whole + b"\0",
        "a field that nobody knows": whole + b"\x60\x01",
        "a number longer than it has to be": whole.replace(b"\x18\x01", b"\x18\x81\x00", 1),
        "fields out of order": b"\x18\x01" + whole,
        "a wrong checksum": whole[:-1] + bytes([whole[-1] ^ 1]),
        "another codebook": whole[:1] + bytes([whole[1] ^ 1]) + whole[2:],
        "a base that is not held": step,
    }
    for name, message in broken.items():
        yield {"name": name, "base": None, "message": message.hex(), "accepted": False}
    for name, wrong in hostile(book, state).items():
        yield {"name": name, "base": None, "message": wrong.hex(), "accepted": False}


def hostile(book: Codebook, state: CodedState) -> dict[str, bytes]:
    """Messages whose stream and checksum are right, and whose content breaks a bound."""

    def row(**changes: int) -> bytes:
        one = {"ids": 5, "rates": 64, "floors": 2, "weights": 80, **changes}
        level = one.pop("level", 0)
        arrays = {
            name: np.array([value], np.uint32 if name == "ids" else np.uint8)
            for name, value in one.items()
        }
        coefficients = np.zeros((1, book.size), np.int32)
        coefficients[0, 0] = level
        return packed(book, replace(state, coefficients=coefficients, **arrays))  # type: ignore[arg-type]  # several types

    def extra(written: Callable[[Writer], None], **counts: int) -> bytes:
        writer = Writer()
        message = begun(book, state)
        message.patterns = write_patterns(writer, book, state, None)
        written(writer)
        for name, value in counts.items():
            setattr(message, name, value)
        return finish(message, writer, state)

    def far_trend(writer: Writer) -> None:
        writer.bits(0, 36)
        writer.number(book.number_tables[layout.TREND_GAP], 2**32)
        writer.bits(0, 7)

    return {
        "id 0": row(ids=0),
        "a rate above 1": row(rates=129),
        "a floor of one device": row(floors=0),
        "a floor above 2^31": row(floors=32),
        "a weight above 1": row(weights=138),
        "a coefficient out of bounds": row(level=1 << 22),
        "an ordinal above 32 bits": extra(far_trend, trends=1, catalogue_version=1),
        "a catalogue that nothing is of": extra(lambda _: None, catalogue_version=1),
        "a titles' step without titles": extra(lambda _: None, content_step=40),
        "a step past the last": extra(lambda _: None, content_step=80),
        "more in the stream than is counted": extra(lambda w: w.bits(1, 8)),
        "more trends than there may be": extra(lambda _: None, trends=33, catalogue_version=1),
    }


def begun(book: Codebook, state: CodedState) -> PackedNews:
    """A message without its content."""
    return PackedNews(codebook_id=book.id, version=state.version, step=state.step)


def packed(book: Codebook, state: CodedState) -> bytes:
    """A state, whatever it holds."""
    writer, message = Writer(), begun(book, state)
    message.patterns = write_patterns(writer, book, state, None)
    return finish(message, writer, state)


if __name__ == "__main__":
    sys.exit(main())

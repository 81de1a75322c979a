"""Holds the C reader of news to the Python one: the same vectors to the bit, the same refusals.

Usage: codec_c.py [--vectors N] [--damaged N]
"""

from __future__ import annotations

import argparse
import random
import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from omega_core import validate
from omega_core.errors import OmegaError
from omega_core.vectors import FloatArray
from omega_delta.transform import Codebook, CodedState, News, decode_news, patterns_of
from omega_testing import codec

DECODER = Path(__file__).resolve().parents[1] / "libs" / "omega_sdk" / "decoder"
STRICT = ("-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-pedantic")
BUILDS = (
    ("-O0",),
    ("-O3",),
    ("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"),
)
SECONDS = 300
Case = tuple[bytes, bytes]


def main() -> int:
    """Runs every build over every case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vectors", type=int, default=10_000, help="fewest vectors compared")
    parser.add_argument("--damaged", type=int, default=10_000, help="damaged messages")
    arguments = parser.parse_args()
    compiler = shutil.which("gcc")
    if compiler is None:
        print("gcc is missing: apt-get install gcc libc6-dev", file=sys.stderr)
        return 1
    of = codec.world()
    whole = [*sound(of, arguments.vectors)]
    cases = [*whole, *broken(of, arguments.damaged)]
    wanted, vectors, accepted = expected(of.codebook, cases)
    if accepted != len(whole):
        print(f"{accepted - len(whole)} damaged messages were accepted", file=sys.stderr)
        return 1
    print(
        f"{accepted:,} messages of {vectors:,} vectors, {arguments.damaged:,} damaged ones refused"
    )
    with tempfile.TemporaryDirectory() as scratch:
        for flags in BUILDS:
            found = run(compiler, Path(scratch), flags, of.codebook, cases)
            if found != wanted:
                at = next(i for i, (a, b) in enumerate(zip(found, wanted, strict=False)) if a != b)
                print(f"{' '.join(flags)}: differs from numpy at byte {at:,}", file=sys.stderr)
                return 1
            print(f"{' '.join(flags)}: the same {len(found):,} bytes as numpy")
    return 0


def sound(of: codec.World, vectors: int) -> Iterator[Case]:
    """Messages of chains of versions, until their states hold so many vectors."""
    seed = 0
    while vectors > 0:
        for base, message, state in codec.messages(of, 100 * seed, 6, 60, 40, 10, 4_000):
            yield base, message
            vectors -= len(state.ids)
        seed += 1


def broken(of: codec.World, count: int) -> Iterator[Case]:
    """Damaged small messages, from nothing and from a base."""
    rng = random.Random(7)  # noqa: S311 - chooses damage
    whole = [
        (base, message)
        for seed in range(4)
        for base, message, _ in codec.messages(of, 50_000 + seed, 2, 5, 2, 3, 1_000)
    ]
    for turn in range(count):
        base, message = whole[turn % len(whole)]
        yield base, codec.damaged(message, rng)


def expected(book: Codebook, cases: list[Case]) -> tuple[bytes, int, int]:
    """What check.c is to write, how many vectors that holds, and how many messages are sound."""
    written, vectors, accepted = [], 0, 0
    known: dict[bytes, CodedState] = {}
    for base, message in cases:
        if base and base not in known:
            known[base] = decode_news(base, book, None).state
        try:
            news = decode_news(message, book, known.get(base))
        except OmegaError:
            written.append(b"\x01")
            continue
        accepted += 1
        vectors += len(news.state.ids) + (len(news.titles.ordinals) if news.titles else 0)
        written.append(as_written(book, news))
    return b"".join(written), vectors, accepted


def as_written(book: Codebook, news: News) -> bytes:
    """News in the form of check.c."""
    state, trends, titles = news.state, news.trends, news.titles
    parts = [b"\0", struct.pack("<I", len(state.ids))]
    rows = zip(state.ids, state.rates, state.floors, state.weights, strict=True)
    for figures, pattern in zip(rows, patterns_of(state, book), strict=True):
        parts += [struct.pack("<IBBB", *figures), floats(pattern.embedding)]
    listed = trends.titles if trends else ()
    at = (trends.at - validate.EARLIEST).total_seconds() if trends else 0
    parts.append(struct.pack("<IQ", len(listed), int(at)))
    parts += [struct.pack("<IBB", t.ordinal, round(64 * t.score), t.regional) for t in listed]
    parts.append(struct.pack("<I", len(titles.ordinals) if titles else 0))
    if titles is not None:
        for ordinal, vector in zip(titles.ordinals, titles.embeddings, strict=True):
            parts += [struct.pack("<I", ordinal), floats(vector)]
    return b"".join(parts)


def floats(vector: FloatArray) -> bytes:
    """Little-endian float32."""
    return np.asarray(vector, "<f4").tobytes()


def run(
    compiler: str, scratch: Path, flags: tuple[str, ...], book: Codebook, cases: list[Case]
) -> bytes:
    """What a build of check.c writes."""
    program, body, file = scratch / "check", scratch / "codebook", scratch / "cases"
    sources = sorted(str(path) for path in DECODER.glob("*.c"))
    subprocess.run([compiler, *STRICT, *flags, "-o", program, *sources], check=True)
    body.write_bytes(book.body)
    file.write_bytes(b"".join(struct.pack("<I", len(p)) + p for case in cases for p in case))
    done = subprocess.run(
        [program, body, file], check=True, stdout=subprocess.PIPE, timeout=SECONDS
    )
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())

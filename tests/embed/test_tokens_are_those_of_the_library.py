"""The lean tokenizer, token for token, against the tokenizers library with the same vocabulary."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from omega_core.errors import ErrorCode, OmegaError
from omega_embed import vocabulary
from omega_embed.recipe import MAX_TOKENS, MINILM
from omega_embed.sentences import sentences
from omega_embed.store import VOCABULARY_FILE, default_cache_dir, model_dir
from omega_embed.wordpiece import SPECIAL, Vocabulary, WordPiece, shelve

NO_LIMIT = 1_000_000
# Everything below the ideographs, the borders of the large uniform blocks, and all of plane 1.
CODES = [
    *range(0x3500),
    *range(0x4D00, 0x4F00),
    *range(0x9F00, 0xAD00),
    *range(0xD700, 0xD800),
    *range(0xE000, 0xE010),
    *range(0xF800, 0x20010),
    *(
        code
        for at in (0x2A6, 0x2B7, 0x2B8, 0x2CE, 0x2F7, 0x2FA)
        for code in range(at << 8, at + 1 << 8)
    ),
    *range(0x30000, 0x10FFFF, 0x3FFD),
    *range(0xE0000, 0xE0200),
]


@pytest.fixture(scope="session")
def shelves() -> str:
    """The vocabulary of this machine's MiniLM."""
    directory = model_dir(default_cache_dir(), MINILM.model_version)
    return (directory / VOCABULARY_FILE).read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def tokens(shelves: str) -> list[str]:
    """The same by id."""
    found: dict[int, str] = {}
    for line in shelves.splitlines():
        pieces, _, ids = line.rpartition("\t")
        numbers = [int(number) for number in ids.split(",")]
        length = len(pieces) // len(numbers)
        found |= {n: pieces[i * length : (i + 1) * length] for i, n in enumerate(numbers)}
    return [found[number] for number in range(len(found))]


@pytest.fixture(scope="session")
def library(tokens: list[str]) -> Tokenizer:
    """BERT's uncased tokenizer as the tokenizers library builds it."""
    ids = {token: number for number, token in enumerate(tokens)}
    made = Tokenizer(models.WordPiece(ids, unk_token="[UNK]", max_input_chars_per_word=100))  # noqa: S106 - no password
    made.add_special_tokens(list(SPECIAL))
    made.normalizer = normalizers.BertNormalizer()
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        special_tokens=[(name, ids[name]) for name in ("[CLS]", "[SEP]")],
    )
    return made


@pytest.fixture(scope="session")
def own(shelves: str) -> WordPiece:
    """Ours, without a limit."""
    return WordPiece(Vocabulary(shelves), NO_LIMIT)


def _differing(own: WordPiece, library: Tokenizer, texts: Iterable[str]) -> list[str]:
    return [text for text in texts if own.encode(text) != library.encode(text).ids]


def test_every_kind_of_character_is_treated_alike(own: WordPiece, library: Tokenizer) -> None:
    words = [f"a{chr(code)}b" for code in CODES]
    lines = [" ".join(words[at : at + 500]) for at in range(0, len(words), 500)]
    assert len(words) > 80_000
    for line in _differing(own, library, lines):
        assert _differing(own, library, line.split(" ")) == []


def test_titles_and_wishes_are_cut_alike(own: WordPiece, library: Tokenizer) -> None:
    sample = Path(__file__).parents[2] / "data" / "sample" / "titles.jsonl"
    titles = [
        " ".join(map(str, json.loads(line).values())) for line in sample.read_text().splitlines()
    ]
    assert len(titles) > 500
    assert _differing(own, library, [*titles, *sentences(1_000, 11)]) == []


ODD = [
    "[cls]", "[MASK", "##ing", "don't", "Σ", "ΑΣ", "İ", "ẞ", "É", "e\u0301\u0327", "\u0327\u0301",
    "ﬁ", "が", "각", "中", "𠀀", "🎬", "\u200b", "\u0000", "\ufffd", "\u00ad", "\t", "\u2028",
]  # fmt: skip
PARTS = st.one_of(
    st.sampled_from([*SPECIAL, *ODD, "a" * 100, "a" * 101]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
)


@given(st.lists(PARTS, max_size=12))
@settings(deadline=None, max_examples=600)
def test_any_text_is_cut_alike(own: WordPiece, library: Tokenizer, parts: list[str]) -> None:
    for joint in ("", " "):
        assert _differing(own, library, [joint.join(parts)]) == []


def test_a_long_text_is_cut_off_alike(shelves: str, library: Tokenizer) -> None:
    short = WordPiece(Vocabulary(shelves), MAX_TOKENS)
    library.enable_truncation(MAX_TOKENS)
    try:
        for text in ("whale " * 300, "unbelievably " * 200, "," * 254, "," * 255):
            assert short.encode(text) == library.encode(text).ids
            assert len(short.encode(text)) == MAX_TOKENS
    finally:
        library.no_truncation()


def test_shelves_hold_each_piece_once_and_no_other() -> None:
    tokens = [*SPECIAL, "b", "a", "##a", "abc", "ab", "\U0001f3ac"]
    held = Vocabulary(shelve(tokens))
    assert [held.find(token) for token in tokens] == list(range(len(tokens)))
    assert [held.find(word) for word in ("", "c", "ac", "##", "abcd")] == [-1] * 5
    assert held.longest == 6


@pytest.mark.parametrize("text", ["", "abc", "abc\t1,2\n", "ab\tx\n", "\t1\n", "ab\t70000\n"])
def test_other_text_is_no_vocabulary(text: str) -> None:
    with pytest.raises((ValueError, OverflowError)):
        Vocabulary(text)


def test_a_vocabulary_without_its_special_tokens_is_refused() -> None:
    with pytest.raises(ValueError, match=r"no \[SEP\], \[MASK\]"):
        WordPiece(Vocabulary(shelve([*SPECIAL[:3], "a"])), MAX_TOKENS)


def _published(library: Tokenizer, change: Callable[[Any], object]) -> bytes:
    spec = json.loads(library.to_str())
    change(spec)
    return json.dumps(spec).encode()


def test_the_published_tokenizer_gives_its_tokens(library: Tokenizer, tokens: list[str]) -> None:
    assert vocabulary.read(_published(library, lambda _: None)) == tokens


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("normalizer", lambda s: s["normalizer"].update(lowercase=False)),
        ("normalizer", lambda s: s["normalizer"].update(strip_accents=False)),
        ("pre_tokenizer", lambda s: s["pre_tokenizer"].update(type="Whitespace")),
        ("model", lambda s: s["model"].update(continuing_subword_prefix="@@")),
        ("model", lambda s: s["model"].update(max_input_chars_per_word=50)),
        ("post_processor", lambda s: s["post_processor"]["single"].pop()),
        ("added_tokens", lambda s: s["added_tokens"][0].update(content="[TV]")),
        ("vocab", lambda s: s["model"]["vocab"].pop("whale")),
        (
            "vocab",
            lambda s: s["model"]["vocab"].update({"two\nlines": s["model"]["vocab"].pop("the")}),
        ),
        ("", lambda s: s.pop("model")),
        ("", lambda s: s.update(normalizer=None)),
    ],
)
def test_another_tokenizer_is_refused_by_the_part_that_differs(
    library: Tokenizer, part: str, change: Callable[[Any], object]
) -> None:
    with pytest.raises(OmegaError) as caught:
        vocabulary.read(_published(library, change))
    assert caught.value.code is ErrorCode.MODEL_REFUSED
    assert caught.value.field == (f"tokenizer.{part}" if part else "tokenizer")


def test_what_is_no_tokenizer_is_refused() -> None:
    with pytest.raises(OmegaError) as caught:
        vocabulary.read(b"{")
    assert caught.value.code is ErrorCode.MODEL_REFUSED

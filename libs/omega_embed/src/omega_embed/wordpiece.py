"""The tokenizer of uncased BERT in little memory.

Devlin et al. 2019, BERT: words by white space, punctuation and ideographs, then the longest piece
of the vocabulary again and again (Schuster & Nakajima 2012; Wu et al. 2016, WordPiece). Token for
token what the tokenizers library makes of the published tokenizer.json.
"""

from __future__ import annotations

import bisect
import re
from array import array
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import chain, islice

from omega_embed.characters import Rewriting

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
"""Tokens that a text may name as they stand."""
CONTINUED = "##"
"""Before a piece that does not begin a word."""
LONGEST_WORD = 100
"""Characters of a word; a longer one is unknown."""
_WORDS_KEPT = 2_048
"""Words whose pieces are kept: speech repeats itself."""


def shelve(tokens: Sequence[str]) -> str:
    """A vocabulary as a text: a line a length, its pieces in a row and sorted, then their ids.

    Args:
        tokens: by id, at most 65,536 of at least one character without line breaks.
    """
    shelves: dict[int, list[int]] = {}
    for number, token in enumerate(tokens):
        shelves.setdefault(len(token), []).append(number)
    return "".join(
        "".join(tokens[number] for number in found) + f"\t{','.join(map(str, found))}\n"
        for _, numbers in sorted(shelves.items())
        if (found := sorted(numbers, key=tokens.__getitem__))
    )


class Vocabulary:
    """Pieces and their ids, half a megabyte where a dict of them takes four.

    Args:
        text: what shelve() made.

    Raises:
        ValueError: it is something else.
    """

    def __init__(self, text: str) -> None:
        self._shelves: dict[int, tuple[str, array[int]]] = {}
        for line in text.split("\n")[:-1]:
            pieces, _, ids = line.rpartition("\t")
            numbers = array("H", map(int, ids.split(",")))
            length, rest = divmod(len(pieces), len(numbers))
            if rest or not length:
                raise ValueError("no vocabulary on shelves")
            self._shelves[length] = (pieces, numbers)
        self.longest = max(self._shelves)
        """Characters of the longest piece, CONTINUED counted."""

    def find(self, piece: str) -> int:
        """The id of a piece; -1 when there is none."""
        length = len(piece)
        if length not in self._shelves:
            return -1
        text, numbers = self._shelves[length]

        def at(place: int) -> str:
            return text[place * length : (place + 1) * length]

        place = bisect.bisect_left(range(len(numbers)), piece, key=at)
        return numbers[place] if place < len(numbers) and at(place) == piece else -1


class WordPiece:
    """Texts to token ids. Safe to call from several threads at once.

    Args:
        vocabulary: SPECIAL among its pieces.
        most: tokens of a text that are read, the first and the last one counted.

    Raises:
        ValueError: a special token is missing.
    """

    def __init__(self, vocabulary: Vocabulary, most: int) -> None:
        ids = {token: vocabulary.find(token) for token in SPECIAL}
        if min(ids.values()) < 0:
            raise ValueError(f"no {', '.join(t for t, n in ids.items() if n < 0)}")
        self._special = {token: (number,) for token, number in ids.items()}
        self._most = most - 2
        self._named = re.compile("(" + "|".join(map(re.escape, SPECIAL)) + ")")
        self._rewriting = Rewriting()
        self._pieces = _pieces_of(vocabulary, self._special["[UNK]"])

    def encode(self, text: str) -> list[int]:
        """The ids of a text: 2 to `most`, [CLS] before and [SEP] behind."""
        found = chain.from_iterable(map(self._ids, self._parts(text)))
        cls, sep = self._special["[CLS]"], self._special["[SEP]"]
        return [*cls, *islice(found, self._most), *sep]

    def _parts(self, text: str) -> Iterator[str]:
        """Words and special tokens in order."""
        for part in self._named.split(text):
            if part in self._special:
                yield part
            else:
                yield from part.translate(self._rewriting).split()

    def _ids(self, part: str) -> tuple[int, ...]:
        return self._special.get(part) or self._pieces(part)


def _pieces_of(
    vocabulary: Vocabulary, unknown: tuple[int, ...]
) -> Callable[[str], tuple[int, ...]]:
    @lru_cache(_WORDS_KEPT)
    def pieces(word: str) -> tuple[int, ...]:
        if len(word) > LONGEST_WORD:
            return unknown
        found: list[int] = []
        begin, before = 0, ""
        while begin < len(word):
            longest = min(len(word), begin + vocabulary.longest - len(before))
            for end in range(longest, begin, -1):
                number = vocabulary.find(before + word[begin:end])
                if number >= 0:
                    break
            else:
                return unknown
            found.append(number)
            begin, before = end, CONTINUED
        return tuple(found)

    return pieces

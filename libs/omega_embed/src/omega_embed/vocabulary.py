"""The published tokenizer.json, held to what omega_embed.wordpiece does, and its vocabulary."""

from __future__ import annotations

import json
from typing import Any

from omega_embed.source import refused
from omega_embed.wordpiece import CONTINUED, LONGEST_WORD, SPECIAL

_NORMALIZER = {
    "type": "BertNormalizer",
    "clean_text": True,
    "handle_chinese_chars": True,
    "strip_accents": None,
    "lowercase": True,
}
_MODEL = {
    "type": "WordPiece",
    "unk_token": "[UNK]",
    "continuing_subword_prefix": CONTINUED,
    "max_input_chars_per_word": LONGEST_WORD,
}
_MOST_TOKENS = 1 << 16


def read(data: bytes) -> list[str]:
    """The tokens by id of a tokenizer of uncased BERT.

    Args:
        data: tokenizer.json of the tokenizers library.

    Raises:
        OmegaError: MODEL_REFUSED when it is another kind of tokenizer.
    """
    try:
        spec = json.loads(data)
        found = [
            ("normalizer", _differs(spec["normalizer"], _NORMALIZER)),
            ("pre_tokenizer", _differs(spec["pre_tokenizer"], {"type": "BertPreTokenizer"})),
            ("model", _differs(spec["model"], _MODEL)),
            ("post_processor", _sentence(spec["post_processor"]) != ["[CLS]", "A", "[SEP]"]),
            ("added_tokens", {token["content"] for token in spec["added_tokens"]} != set(SPECIAL)),
        ]
        ids: dict[str, int] = spec["model"]["vocab"]
        tokens = sorted(ids, key=ids.__getitem__)
        found.append(("vocab", not _whole(tokens, ids)))
    except (ValueError, KeyError, TypeError, AttributeError) as e:
        raise refused("tokenizer", "a tokenizer.json of uncased BERT", repr(e)) from e
    for part, wrong in found:
        if wrong:
            raise refused(f"tokenizer.{part}", "that of uncased BERT", str(spec.get(part))[:500])
    return tokens


def _differs(given: dict[str, Any], expected: dict[str, Any]) -> bool:
    return {name: given.get(name) for name in expected} != expected


def _sentence(processor: dict[str, Any]) -> list[str]:
    """What a single text is put between."""
    return [part["id"] for piece in processor["single"] for part in piece.values()]


def _whole(tokens: list[str], ids: dict[str, int]) -> bool:
    """Whether the ids are 0, 1, 2 and so on, and each token fits on a line."""
    return (
        set(SPECIAL) <= ids.keys()
        and [ids[token] for token in tokens] == list(range(len(tokens)))
        and len(tokens) <= _MOST_TOKENS
        and all(token.splitlines() == [token] for token in tokens)
    )

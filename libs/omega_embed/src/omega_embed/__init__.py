"""Sentence embeddings on the device: MiniLM in ONNX Runtime, and a lexical fallback.

Importing this package loads numpy only; ONNX Runtime is imported when MiniLM is opened. What
installs a model stands apart, in omega_embed.install.
"""

from omega_embed.absent import AbsentEncoder
from omega_embed.encoder import Encoder, open_encoder, open_for
from omega_embed.lexical import LexicalEncoder
from omega_embed.resting import Resting
from omega_embed.store import default_cache_dir

__all__ = [
    "AbsentEncoder",
    "Encoder",
    "LexicalEncoder",
    "Resting",
    "default_cache_dir",
    "open_encoder",
    "open_for",
]

"""Sentence embeddings on the device: MiniLM in ONNX Runtime, and a lexical fallback.

Importing this package loads numpy only. ONNX Runtime and the tokenizer are imported when MiniLM is
opened; onnx and safetensors (extra `install`) when it is installed.
"""

from omega_embed.encoder import Encoder, open_encoder
from omega_embed.install import InstallReport, install_model
from omega_embed.lexical import LexicalEncoder
from omega_embed.store import default_cache_dir

__all__ = [
    "Encoder",
    "InstallReport",
    "LexicalEncoder",
    "default_cache_dir",
    "install_model",
    "open_encoder",
]

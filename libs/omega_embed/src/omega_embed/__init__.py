"""Sentence embeddings on the device: MiniLM in ONNX Runtime, and a lexical fallback."""

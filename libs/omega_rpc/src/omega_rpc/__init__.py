"""gRPC plumbing of Omega TV: life cycle, interceptors, health, TLS, device credentials."""

import os

# grpc reads it once, when it is loaded, and has no other way to say what TLS it speaks. Below
# TLS 1.3 this suite is the only one, and without a pre-shared key it cannot be agreed on: what is
# left is TLS 1.3. Whoever has to speak TLS 1.2 sets the variable to suites with AEAD.
os.environ.setdefault("GRPC_SSL_CIPHER_SUITES", "ECDHE-PSK-CHACHA20-POLY1305")

"""gRPC plumbing of Omega TV: life cycle, interceptors, health, TLS, tokens."""

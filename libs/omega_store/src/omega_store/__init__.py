"""Postgres with pgvector: pool, migrations, queries."""

"""Test kit: embedded Postgres, service processes, certificates."""

"""Domain types, errors, validation, clock and vectors of Omega TV."""

"""The one SQLite file of a TV."""

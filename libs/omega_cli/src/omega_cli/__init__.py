"""The omega command."""

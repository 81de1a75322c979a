"""The hybrid ranker and its reasons."""

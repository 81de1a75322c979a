"""The on-device recommender."""

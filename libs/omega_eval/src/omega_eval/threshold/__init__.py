"""Threshold reports in a study: who reports which pair when, what opens, and what it teaches."""

"""Faults of every kind at the real daemon, and one oracle: `python -m tests.torture`."""

"""Alembic's scripts, run in the package's own transaction when a store is opened."""

HEAD = "0002"
"""The revision of the last script: a store that has it needs none of them."""

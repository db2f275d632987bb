"""Alembic's scripts, run in the package's own transaction when a store is opened."""

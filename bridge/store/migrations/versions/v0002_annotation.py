"""Annotations (RFC 5464). A store that 0001 made with this version has the table already."""

from alembic import op

from bridge.store.schema import annotation

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Makes the table."""
    annotation.create(op.get_bind(), checkfirst=True)

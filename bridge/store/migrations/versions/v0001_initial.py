"""The first schema. Until the first release it follows `bridge.store.schema`; then it is frozen."""

from alembic import op

from bridge.store.schema import metadata

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Makes every table."""
    metadata.create_all(op.get_bind())

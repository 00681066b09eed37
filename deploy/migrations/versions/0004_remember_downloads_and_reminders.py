"""Remember which profiles were downloaded, and who was told that a certificate will expire."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("enrolled_device", sa.Column("downloaded_at", TIME))
    op.add_column("device_certificate", sa.Column("reminded_at", TIME))

"""Show a certificate to partners: say what each certificate of the service is for."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column(
        "server_certificate",
        sa.Column("use", sa.String(length=32), server_default="eap", nullable=False),
    )

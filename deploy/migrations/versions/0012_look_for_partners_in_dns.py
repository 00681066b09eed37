"""Look for partners in DNS."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "discovery",
        sa.Column(
            "partner_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("service", sa.String(length=64), nullable=False),
        sa.Column("anchors", sa.LargeBinary(), nullable=False),
        sa.Column("proof", sa.String(length=32), nullable=False),
        sa.Column("policies", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["partner_id"],
            ["partner.id"],
            name="fk_discovery_partner_id_partner",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("partner_id", name="pk_discovery"),
    )
    with op.batch_alter_table("radsec_peer") as batch:
        batch.add_column(sa.Column("policy", sa.String(length=128), nullable=True))

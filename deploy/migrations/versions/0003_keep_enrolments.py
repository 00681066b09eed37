"""Keep enrolments: the links by which citizens give devices credentials, for an hour."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "enrolment",
        sa.Column("reference", sa.String(length=16), nullable=False),
        sa.Column("citizen_id", BIG),
        sa.Column("language", sa.String(length=8)),
        sa.Column("code_digest", sa.String(length=64)),
        sa.Column("code_expires_at", TIME),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(
            ["citizen_id"],
            ["citizen.id"],
            name="fk_enrolment_citizen_id_citizen",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_enrolment"),
        sa.UniqueConstraint("code_digest", name="uq_enrolment_code_digest"),
        sa.UniqueConstraint("reference", name="uq_enrolment_reference"),
    )
    op.create_index("ix_enrolment_expires_at", "enrolment", ["expires_at"])
    op.create_table(
        "enrolled_device",
        sa.Column("device_id", BIG, nullable=False),
        sa.Column("enrolment_id", BIG, nullable=False),
        sa.Column("platform", sa.String(length=16), nullable=False),
        sa.Column("sealed_credential", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["device_id"],
            ["device.id"],
            name="fk_enrolled_device_device_id_device",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["enrolment_id"],
            ["enrolment.id"],
            name="fk_enrolled_device_enrolment_id_enrolment",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("device_id", name="pk_enrolled_device"),
    )
    op.create_index("ix_enrolled_device_enrolment_id", "enrolled_device", ["enrolment_id"])

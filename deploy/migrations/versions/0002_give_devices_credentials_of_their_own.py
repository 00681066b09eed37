"""Give devices credentials of their own: Wi-Fi secrets, certificates, and who signs these."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    # SQLite copies this table: nothing may refer to it yet.
    with op.batch_alter_table("device") as device:
        device.add_column(sa.Column("secret_digest", sa.String(length=64)))
        device.add_column(sa.Column("sealed_secret", sa.LargeBinary()))
        device.alter_column("mac", existing_type=sa.String(length=17), nullable=True)
        device.create_unique_constraint("uq_device_secret_digest", ["secret_digest"])
    # Sessions are many, and referred to: no copy, and SQLite takes the reference with the column.
    op.add_column(
        "session",
        sa.Column("device_id", BIG, sa.ForeignKey("device.id", name="fk_session_device_id_device")),
        inline_references=True,
    )
    # A device that is deleted with its citizen's account is looked for in all of them.
    op.create_index("ix_session_device_id", "session", ["device_id"])
    _create_authorities()
    _create_device_certificates()


def _create_authorities() -> None:
    op.create_table(
        "authority",
        sa.Column("certificate", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_key", sa.LargeBinary(), nullable=False),
        sa.Column("valid_from", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_authority"),
    )
    op.create_table(
        "server_certificate",
        sa.Column("authority_id", BIG, nullable=False),
        sa.Column("certificate", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_key", sa.LargeBinary(), nullable=False),
        sa.Column("names", sa.JSON(), nullable=False),
        sa.Column("valid_from", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(
            ["authority_id"], ["authority.id"], name="fk_server_certificate_authority_id_authority"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_server_certificate"),
    )


def _create_device_certificates() -> None:
    op.create_table(
        "device_certificate",
        sa.Column("device_id", BIG),
        sa.Column("authority_id", BIG, nullable=False),
        sa.Column("serial", sa.String(length=40), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("valid_from", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("revoked_at", TIME),
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(
            ["authority_id"], ["authority.id"], name="fk_device_certificate_authority_id_authority"
        ),
        sa.ForeignKeyConstraint(
            ["device_id"], ["device.id"], name="fk_device_certificate_device_id_device"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_device_certificate"),
        sa.UniqueConstraint("fingerprint", name="uq_device_certificate_fingerprint"),
        sa.UniqueConstraint("serial", name="uq_device_certificate_serial"),
    )
    op.create_index("ix_device_certificate_authority_id", "device_certificate", ["authority_id"])
    op.create_index("ix_device_certificate_device_id", "device_certificate", ["device_id"])

"""Know partners: their realms, their servers, and the accounting that is on its way to them."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column(
        "collectivity",
        sa.Column("is_partner", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
    _create_partners()
    _create_servers()
    op.create_table(
        "forwarded_accounting",
        sa.Column("partner_id", BIG, nullable=False),
        sa.Column("attributes", sa.LargeBinary(), nullable=False),
        sa.Column("occurred_at", TIME, nullable=False),
        sa.Column("attempts", BIG, nullable=False),
        sa.Column("next_attempt_at", TIME, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(
            ["partner_id"],
            ["partner.id"],
            name="fk_forwarded_accounting_partner_id_partner",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_forwarded_accounting"),
    )
    op.create_index(
        "ix_forwarded_accounting_due", "forwarded_accounting", ["partner_id", "next_attempt_at"]
    )


def _create_partners() -> None:
    op.create_table(
        "partner",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("collectivity_id", BIG, nullable=False),
        sa.Column("nas_id", BIG),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(
            ["collectivity_id"], ["collectivity.id"], name="fk_partner_collectivity_id_collectivity"
        ),
        sa.ForeignKeyConstraint(["nas_id"], ["nas.id"], name="fk_partner_nas_id_nas"),
        sa.PrimaryKeyConstraint("id", name="pk_partner"),
        sa.UniqueConstraint("collectivity_id", name="uq_partner_collectivity_id"),
        sa.UniqueConstraint("name", name="uq_partner_name"),
        sa.UniqueConstraint("nas_id", name="uq_partner_nas_id"),
    )
    op.create_table(
        "partner_realm",
        sa.Column("partner_id", BIG, nullable=False),
        sa.Column("pattern", sa.String(length=255), nullable=False),
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(
            ["partner_id"],
            ["partner.id"],
            name="fk_partner_realm_partner_id_partner",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_partner_realm"),
        sa.UniqueConstraint("pattern", name="uq_partner_realm_pattern"),
    )


def _create_servers() -> None:
    op.create_table(
        "radsec_peer",
        sa.Column("nas_id", BIG, nullable=False),
        sa.Column("anchor", sa.LargeBinary()),
        sa.Column("name", sa.String(length=253)),
        sa.Column("fingerprint", sa.String(length=64)),
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(
            ["nas_id"], ["nas.id"], name="fk_radsec_peer_nas_id_nas", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_radsec_peer"),
    )
    op.create_index("ix_radsec_peer_nas_id", "radsec_peer", ["nas_id"])
    op.create_table(
        "home_server",
        sa.Column("partner_id", BIG, nullable=False),
        sa.Column("transport", sa.String(length=32), nullable=False),
        sa.Column("host", sa.String(length=253), nullable=False),
        sa.Column("auth_port", BIG, nullable=False),
        sa.Column("acct_port", BIG, nullable=False),
        sa.Column("priority", BIG, nullable=False),
        sa.Column("secret", sa.LargeBinary()),
        sa.Column("anchor", sa.LargeBinary()),
        sa.Column("certificate_name", sa.String(length=253)),
        sa.Column("fingerprint", sa.String(length=64)),
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(
            ["partner_id"],
            ["partner.id"],
            name="fk_home_server_partner_id_partner",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_home_server"),
    )
    op.create_index("ix_home_server_partner_id", "home_server", ["partner_id"])

"""Know members by what they sign: invitations, what they say of themselves, our signing keys, and
how their canaries fare."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "signing_key",
        sa.Column("use", sa.String(length=32), nullable=False),
        sa.Column("kid", sa.String(length=64), nullable=False),
        sa.Column("sealed_key", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("signs_from", TIME, nullable=False),
        sa.Column("expires_at", TIME),
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_signing_key"),
        sa.UniqueConstraint("kid", name="uq_signing_key_kid"),
    )
    op.create_table(
        "invitation",
        sa.Column("reference", sa.String(length=16), nullable=False),
        sa.Column("sealed_token", sa.LargeBinary(), nullable=False),
        sa.Column("name", sa.String(length=64)),
        sa.Column("realms", sa.JSON()),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("used_by", sa.String(length=300)),
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_invitation"),
        sa.UniqueConstraint("reference", name="uq_invitation_reference"),
    )
    _create_memberships()
    _create_canaries()


def _create_memberships() -> None:
    op.create_table(
        "membership",
        sa.Column("partner_id", BIG, nullable=False),
        sa.Column("entity", sa.String(length=300), nullable=False),
        sa.Column("statement", sa.Text(), nullable=False),
        sa.Column("refreshed_at", TIME, nullable=False),
        sa.Column("failure", sa.String(length=300)),
        sa.Column("canary_citizen_id", BIG),
        sa.ForeignKeyConstraint(
            ["partner_id"],
            ["partner.id"],
            name="fk_membership_partner_id_partner",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["canary_citizen_id"],
            ["citizen.id"],
            name="fk_membership_canary_citizen_id_citizen",
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("partner_id", name="pk_membership"),
        sa.UniqueConstraint("entity", name="uq_membership_entity"),
    )


def _create_canaries() -> None:
    op.create_table(
        "canary",
        sa.Column("partner_id", BIG, nullable=False),
        sa.Column("identity", sa.String(length=253), nullable=False),
        sa.Column("sealed_secret", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partner.id"], name="fk_canary_partner_id_partner", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("partner_id", name="pk_canary"),
    )
    op.create_table(
        "interconnection",
        sa.Column("visited", sa.String(length=300), nullable=False),
        sa.Column("home", sa.String(length=300), nullable=False),
        sa.Column("visited_title", sa.String(length=300), nullable=False),
        sa.Column("home_title", sa.String(length=300), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("milliseconds", BIG),
        sa.Column("checked_at", TIME, nullable=False),
        sa.Column("connected_at", TIME),
        sa.Column("told_by_id", BIG),
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(
            ["told_by_id"],
            ["partner.id"],
            name="fk_interconnection_told_by_id_partner",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_interconnection"),
        sa.UniqueConstraint("visited", "home", name="uq_interconnection_visited_home"),
    )

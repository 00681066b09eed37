"""Log citizens in for partners: the log-ins under way, whom citizens let know them, and which
assertions of clients are used up."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "spent_assertion",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_spent_assertion"),
    )
    op.create_index("ix_spent_assertion_expires_at", "spent_assertion", ["expires_at"])
    op.create_table(
        "consent",
        sa.Column("citizen_id", BIG, nullable=False),
        sa.Column("partner_id", BIG, nullable=False),
        sa.Column("given_at", TIME, nullable=False),
        _reference("consent", "citizen_id", "citizen"),
        _reference("consent", "partner_id", "partner"),
        sa.PrimaryKeyConstraint("citizen_id", "partner_id", name="pk_consent"),
    )
    op.create_index("ix_consent_partner_id", "consent", ["partner_id"])
    _create_sign_ins()


def _create_sign_ins() -> None:
    op.create_table(
        "sign_in",
        sa.Column("reference", sa.String(length=16), nullable=False),
        sa.Column("partner_id", BIG, nullable=False),
        sa.Column("collectivity_id", BIG, nullable=False),
        sa.Column("redirect_uri", sa.String(length=300), nullable=False),
        sa.Column("state", sa.String(length=2048), nullable=False),
        sa.Column("nonce", sa.String(length=512), nullable=False),
        sa.Column("code_challenge", sa.String(length=64), nullable=False),
        sa.Column("operator", sa.String(length=253)),
        sa.Column("login_hint", sa.String(length=254)),
        sa.Column("hinted_citizen_id", BIG),
        sa.Column("wants_consent", sa.Boolean(), nullable=False),
        sa.Column("language", sa.String(length=8)),
        sa.Column("email_code_id", BIG),
        sa.Column("proven_email", sa.String(length=254)),
        sa.Column("citizen_id", BIG),
        sa.Column("method", sa.String(length=32)),
        sa.Column("proven_at", TIME),
        sa.Column("consented_at", TIME),
        sa.Column("code_issued_at", TIME),
        sa.Column("code_redeemed_at", TIME),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        _reference("sign_in", "partner_id", "partner"),
        _reference("sign_in", "collectivity_id", "collectivity"),
        _reference("sign_in", "hinted_citizen_id", "citizen"),
        _reference("sign_in", "citizen_id", "citizen"),
        sa.ForeignKeyConstraint(
            ["email_code_id"],
            ["email_code.id"],
            name="fk_sign_in_email_code_id_email_code",
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_sign_in"),
        sa.UniqueConstraint("reference", name="uq_sign_in_reference"),
    )
    op.create_index("ix_sign_in_citizen_id", "sign_in", ["citizen_id"])
    op.create_index("ix_sign_in_expires_at", "sign_in", ["expires_at"])


def _reference(table: str, column: str, to: str) -> sa.ForeignKeyConstraint:
    name = f"fk_{table}_{column}_{to}"
    return sa.ForeignKeyConstraint([column], [f"{to}.id"], name=name, ondelete="CASCADE")

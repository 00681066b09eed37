"""Know visitors, partners' citizens whom their home vouches for, and their way there and back."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    _create_visitors()
    _create_home_visits()
    with op.batch_alter_table("ticket") as ticket:
        ticket.add_column(sa.Column("visitor_id", BIG))
        ticket.alter_column("citizen_id", existing_type=BIG, nullable=True)
        ticket.create_index("ix_ticket_visitor_id", ["visitor_id"])
        ticket.create_foreign_key(
            "fk_ticket_visitor_id_visitor", "visitor", ["visitor_id"], ["id"], ondelete="CASCADE"
        )
        ticket.create_check_constraint(
            "ck_ticket_bearer", "(citizen_id IS NULL) <> (visitor_id IS NULL)"
        )
    with op.batch_alter_table("login_attempt") as attempt:
        attempt.add_column(sa.Column("visitor_id", BIG))
        attempt.create_foreign_key(
            "fk_login_attempt_visitor_id_visitor",
            "visitor",
            ["visitor_id"],
            ["id"],
            ondelete="CASCADE",
        )


def _create_visitors() -> None:
    op.create_table(
        "visitor",
        sa.Column("home_collectivity_id", BIG, nullable=False),
        sa.Column("user_name", sa.String(length=253), nullable=False),
        sa.Column("home_class", sa.LargeBinary()),
        sa.Column("cui", sa.LargeBinary()),
        sa.Column("session_seconds", BIG),
        sa.Column("idle_seconds", BIG),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(
            ["home_collectivity_id"],
            ["collectivity.id"],
            name="fk_visitor_home_collectivity_id_collectivity",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_visitor"),
        sa.UniqueConstraint("user_name", name="uq_visitor_user_name"),
    )
    op.create_index("ix_visitor_home_collectivity_id", "visitor", ["home_collectivity_id"])
    op.create_index("ix_visitor_expires_at", "visitor", ["expires_at"])


def _create_home_visits() -> None:
    op.create_table(
        "home_visit",
        sa.Column("state_digest", sa.String(length=64), nullable=False),
        sa.Column("attempt_id", BIG, nullable=False),
        sa.Column("issuer", sa.String(length=300), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("used_at", TIME),
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(
            ["attempt_id"],
            ["login_attempt.id"],
            name="fk_home_visit_attempt_id_login_attempt",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_home_visit"),
        sa.UniqueConstraint("state_digest", name="uq_home_visit_state_digest"),
    )
    op.create_index("ix_home_visit_attempt_id", "home_visit", ["attempt_id"])
    op.create_index("ix_home_visit_expires_at", "home_visit", ["expires_at"])

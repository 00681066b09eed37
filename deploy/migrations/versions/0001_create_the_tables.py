"""Create the tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    _create_what_stands_alone()
    _create_places()
    _create_citizens()
    _create_nas()
    _create_policies()
    _create_sessions()
    _create_instructions_and_tickets()
    _create_log_ins()


def _create_what_stands_alone() -> None:
    op.create_table(
        "audit_event",
        sa.Column("at", TIME, nullable=False),
        sa.Column("actor", sa.String(length=100), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=100), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_event"),
    )
    op.create_index("ix_audit_event_at", "audit_event", ["at"])
    op.create_index("ix_audit_event_subject_audit_event_at", "audit_event", ["subject", "at"])
    op.create_table(
        "email_code",
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("code_digest", sa.String(length=64), nullable=False),
        sa.Column("tries_left", BIG, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("used_at", TIME),
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_email_code"),
    )
    op.create_index("ix_email_code_expires_at", "email_code", ["expires_at"])
    op.create_table(
        "installation",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_installation"),
    )
    op.create_table(
        "throttle_window",
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("starts_at", TIME, nullable=False),
        sa.Column("count", BIG, nullable=False),
        sa.PrimaryKeyConstraint("subject", "starts_at", name="pk_throttle_window"),
    )
    op.create_index("ix_throttle_window_starts_at", "throttle_window", ["starts_at"])


def _create_places() -> None:
    op.create_table(
        "collectivity",
        sa.Column("slug", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("realm", sa.String(length=253), nullable=False),
        sa.Column("parent_id", BIG),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("timezone", sa.String(length=64), nullable=False),
        sa.Column("colour", sa.String(length=7)),
        sa.Column("logo_svg", sa.Text()),
        sa.Column("contact", sa.String(length=200)),
        sa.Column("terms_version", BIG, nullable=False),
        sa.Column("terms", sa.Text()),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["collectivity.id"], name="fk_collectivity_parent_id_collectivity"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_collectivity"),
        sa.UniqueConstraint("realm", name="uq_collectivity_realm"),
        sa.UniqueConstraint("slug", name="uq_collectivity_slug"),
    )
    op.create_table(
        "hotspot",
        sa.Column("slug", sa.String(length=64), nullable=False),
        sa.Column("collectivity_id", BIG, nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("ssid", sa.String(length=32)),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(
            ["collectivity_id"], ["collectivity.id"], name="fk_hotspot_collectivity_id_collectivity"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_hotspot"),
        sa.UniqueConstraint("slug", name="uq_hotspot_slug"),
    )
    op.create_index("ix_hotspot_collectivity_id", "hotspot", ["collectivity_id"])


def _create_citizens() -> None:
    op.create_table(
        "citizen",
        sa.Column("collectivity_id", BIG, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("email", sa.String(length=254)),
        sa.Column("password_hash", sa.String(length=200)),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("language", sa.String(length=8)),
        sa.Column("terms_accepted", sa.String(length=80)),
        sa.Column("terms_accepted_at", TIME),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(
            ["collectivity_id"], ["collectivity.id"], name="fk_citizen_collectivity_id_collectivity"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_citizen"),
        sa.UniqueConstraint("collectivity_id", "name", name="uq_citizen_collectivity_id_name"),
        sa.UniqueConstraint("email", name="uq_citizen_email"),
    )
    op.create_table(
        "daily_usage",
        sa.Column("citizen_id", BIG, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("session_seconds", BIG, nullable=False),
        sa.Column("octets", BIG, nullable=False),
        sa.ForeignKeyConstraint(
            ["citizen_id"], ["citizen.id"], name="fk_daily_usage_citizen_id_citizen"
        ),
        sa.PrimaryKeyConstraint("citizen_id", "day", name="pk_daily_usage"),
    )
    op.create_table(
        "device",
        sa.Column("citizen_id", BIG, nullable=False),
        sa.Column("mac", sa.String(length=17), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("remembered_until", TIME),
        sa.Column("revoked_at", TIME),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(
            ["citizen_id"], ["citizen.id"], name="fk_device_citizen_id_citizen"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_device"),
        sa.UniqueConstraint("citizen_id", "mac", name="uq_device_citizen_id_mac"),
    )
    op.create_index("ix_device_mac", "device", ["mac"])
    op.create_index(
        "ix_device_mac_remembered",
        "device",
        ["mac"],
        unique=True,
        sqlite_where=sa.text("revoked_at IS NULL"),
        postgresql_where=sa.text("revoked_at IS NULL"),
    )


def _create_nas() -> None:
    op.create_table(
        "nas",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("hotspot_id", BIG, nullable=False),
        sa.Column("vendor", sa.String(length=32), nullable=False),
        sa.Column("network", sa.String(length=64)),
        sa.Column("identifier", sa.String(length=253)),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("former_secret", sa.LargeBinary()),
        sa.Column("former_secret_until", TIME),
        sa.Column("uam_secret", sa.LargeBinary()),
        sa.Column("login_host", sa.String(length=253)),
        sa.Column("entry_url", sa.String(length=300)),
        sa.Column("uses_pap", sa.Boolean(), nullable=False),
        sa.Column("coa_port", BIG),
        sa.Column("message_authenticator", sa.String(length=32), nullable=False),
        sa.Column("signed_requests", BIG, nullable=False),
        sa.Column("limit_proxy_state", sa.Boolean(), nullable=False),
        sa.Column("last_seen_at", TIME),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(["hotspot_id"], ["hotspot.id"], name="fk_nas_hotspot_id_hotspot"),
        sa.PrimaryKeyConstraint("id", name="pk_nas"),
        sa.UniqueConstraint("identifier", name="uq_nas_identifier"),
        sa.UniqueConstraint("name", name="uq_nas_name"),
    )
    op.create_index("ix_nas_hotspot_id", "nas", ["hotspot_id"])
    op.create_table(
        "access_point",
        sa.Column("nas_id", BIG, nullable=False),
        sa.Column("hotspot_id", BIG, nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("mac", sa.String(length=17), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(
            ["hotspot_id"], ["hotspot.id"], name="fk_access_point_hotspot_id_hotspot"
        ),
        sa.ForeignKeyConstraint(["nas_id"], ["nas.id"], name="fk_access_point_nas_id_nas"),
        sa.PrimaryKeyConstraint("id", name="pk_access_point"),
        sa.UniqueConstraint("mac", name="uq_access_point_mac"),
    )
    op.create_index("ix_access_point_nas_id", "access_point", ["nas_id"])


def _create_policies() -> None:
    op.create_table(
        "policy",
        sa.Column("collectivity_id", BIG),
        sa.Column("hotspot_id", BIG),
        sa.Column("citizen_id", BIG),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("value", sa.String(length=500), nullable=False),
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(
            ["citizen_id"], ["citizen.id"], name="fk_policy_citizen_id_citizen"
        ),
        sa.ForeignKeyConstraint(
            ["collectivity_id"], ["collectivity.id"], name="fk_policy_collectivity_id_collectivity"
        ),
        sa.ForeignKeyConstraint(
            ["hotspot_id"], ["hotspot.id"], name="fk_policy_hotspot_id_hotspot"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_policy"),
    )
    op.create_index("ix_policy_citizen_id", "policy", ["citizen_id"])
    op.create_index("ix_policy_collectivity_id", "policy", ["collectivity_id"])
    op.create_index("ix_policy_hotspot_id", "policy", ["hotspot_id"])


def _create_sessions() -> None:
    op.create_table(
        "session",
        sa.Column("nas_id", BIG, nullable=False),
        sa.Column("hotspot_id", BIG, nullable=False),
        sa.Column("acct_session_id", sa.String(length=253), nullable=False),
        sa.Column("device_mac", sa.String(length=17), nullable=False),
        sa.Column("instance", BIG, nullable=False),
        sa.Column("citizen_id", BIG),
        sa.Column("user_name", sa.String(length=253)),
        sa.Column("framed_address", sa.String(length=45)),
        sa.Column("called_station_id", sa.String(length=253)),
        sa.Column("cui", sa.String(length=253)),
        sa.Column("started_at", TIME, nullable=False),
        sa.Column("start_seen", sa.Boolean(), nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.Column("stopped_at", TIME),
        sa.Column("terminate_cause", sa.String(length=32)),
        sa.Column("session_seconds", BIG, nullable=False),
        sa.Column("upload_octets", BIG, nullable=False),
        sa.Column("download_octets", BIG, nullable=False),
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(
            ["citizen_id"], ["citizen.id"], name="fk_session_citizen_id_citizen"
        ),
        sa.ForeignKeyConstraint(
            ["hotspot_id"], ["hotspot.id"], name="fk_session_hotspot_id_hotspot"
        ),
        sa.ForeignKeyConstraint(["nas_id"], ["nas.id"], name="fk_session_nas_id_nas"),
        sa.PrimaryKeyConstraint("id", name="pk_session"),
        sa.UniqueConstraint(
            "nas_id",
            "acct_session_id",
            "device_mac",
            "instance",
            name="uq_session_nas_id_acct_session_id_device_mac_instance",
        ),
    )
    op.create_index("ix_session_citizen_open", "session", ["citizen_id", "stopped_at"])
    op.create_index("ix_session_device_open", "session", ["device_mac", "stopped_at"])
    op.create_index("ix_session_nas_open", "session", ["nas_id", "stopped_at"])
    op.create_index("ix_session_started_at", "session", ["started_at"])


def _create_instructions_and_tickets() -> None:
    op.create_table(
        "ticket",
        sa.Column("citizen_id", BIG, nullable=False),
        sa.Column("nas_id", BIG, nullable=False),
        sa.Column("device_mac", sa.String(length=17)),
        sa.Column("sealed_value", sa.LargeBinary(), nullable=False),
        sa.Column("issued_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("served_at", TIME),
        sa.Column("outcome", sa.String(length=32)),
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(
            ["citizen_id"], ["citizen.id"], name="fk_ticket_citizen_id_citizen"
        ),
        sa.ForeignKeyConstraint(["nas_id"], ["nas.id"], name="fk_ticket_nas_id_nas"),
        sa.PrimaryKeyConstraint("id", name="pk_ticket"),
    )
    op.create_index("ix_ticket_citizen_id_ticket_nas_id", "ticket", ["citizen_id", "nas_id"])
    op.create_index("ix_ticket_expires_at", "ticket", ["expires_at"])
    op.create_table(
        "instruction",
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("session_id", BIG, nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("attributes", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("attempts", BIG, nullable=False),
        sa.Column("next_attempt_at", TIME, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("finished_at", TIME),
        sa.Column("error_cause", BIG),
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(
            ["session_id"], ["session.id"], name="fk_instruction_session_id_session"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_instruction"),
    )
    op.create_index("ix_instruction_session_id", "instruction", ["session_id"])
    op.create_index(
        "ix_instruction_state_instruction_next_attempt_at",
        "instruction",
        ["state", "next_attempt_at"],
    )


def _create_log_ins() -> None:
    op.create_table(
        "login_attempt",
        sa.Column("reference", sa.String(length=16), nullable=False),
        sa.Column("nas_id", BIG, nullable=False),
        sa.Column("hotspot_id", BIG, nullable=False),
        sa.Column("device_mac", sa.String(length=17)),
        sa.Column("parameters", sa.JSON(), nullable=False),
        sa.Column("original_url", sa.String(length=1000)),
        sa.Column("language", sa.String(length=8)),
        sa.Column("email_code_id", BIG),
        sa.Column("is_resumed", sa.Boolean(), nullable=False),
        sa.Column("proven_email", sa.String(length=254)),
        sa.Column("citizen_id", BIG),
        sa.Column("method", sa.String(length=32)),
        sa.Column("proven_at", TIME),
        sa.Column("wants_remembering", sa.Boolean(), nullable=False),
        sa.Column("ticket_id", BIG),
        sa.Column("ticket_issued_at", TIME),
        sa.Column("retries", BIG, nullable=False),
        sa.Column("confirmed_at", TIME),
        sa.Column("confirmed_seconds", BIG),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(
            ["citizen_id"],
            ["citizen.id"],
            name="fk_login_attempt_citizen_id_citizen",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["email_code_id"],
            ["email_code.id"],
            name="fk_login_attempt_email_code_id_email_code",
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["hotspot_id"], ["hotspot.id"], name="fk_login_attempt_hotspot_id_hotspot"
        ),
        sa.ForeignKeyConstraint(
            ["nas_id"], ["nas.id"], name="fk_login_attempt_nas_id_nas", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"],
            ["ticket.id"],
            name="fk_login_attempt_ticket_id_ticket",
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_login_attempt"),
        sa.UniqueConstraint("reference", name="uq_login_attempt_reference"),
    )
    op.create_index("ix_login_attempt_device", "login_attempt", ["nas_id", "device_mac", "id"])
    op.create_index("ix_login_attempt_expires_at", "login_attempt", ["expires_at"])

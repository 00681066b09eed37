"""Take orders back to who is visited: tell apart a partner's NAS, know whose citizens visit us and
where partners take orders; know which session the accounting that waits is of."""

from collections.abc import Iterator
from hashlib import sha256

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
KEY = ("nas_id", "acct_session_id", "device_mac")
# Acct-Session-Id, Calling-Station-Id, NAS-Identifier.
NAMES = (44, 31, 32)


def upgrade() -> None:
    # SQLite copies this table, which takes a while where sessions are many: nothing less changes
    # what is unique in it.
    with op.batch_alter_table("session") as session:
        for name in ("operator_name", "nas_identifier"):
            column = sa.Column(name, sa.String(length=253), server_default="", nullable=False)
            session.add_column(column)
        session.add_column(sa.Column("operator_nas_identifier", sa.LargeBinary()))
        session.add_column(sa.Column("home_collectivity_id", BIG))
        session.create_foreign_key(
            "fk_session_home_collectivity_id_collectivity",
            "collectivity",
            ["home_collectivity_id"],
            ["id"],
        )
        session.drop_constraint(
            "uq_session_nas_id_acct_session_id_device_mac_instance", type_="unique"
        )
        session.create_unique_constraint(
            "uq_session_identity", [*KEY, "operator_name", "nas_identifier", "instance"]
        )
    op.create_index("ix_session_visitor_open", "session", ["home_collectivity_id", "stopped_at"])
    op.add_column("home_server", sa.Column("coa_port", BIG))
    _know_sessions()


def _know_sessions() -> None:
    op.add_column(
        "forwarded_accounting",
        sa.Column("session_digest", sa.String(length=32), server_default="", nullable=False),
    )
    rows = sa.table(
        "forwarded_accounting",
        sa.column("id", BIG),
        sa.column("attributes", sa.LargeBinary()),
        sa.column("session_digest", sa.String()),
    )
    connection = op.get_bind()
    change = sa.update(rows).where(rows.c.id == sa.bindparam("row"))
    change = change.values(session_digest=sa.bindparam("digest"))
    found = connection.execute(sa.select(rows.c.id, rows.c.attributes)).all()
    if found:
        connection.execute(change, [{"row": id, "digest": _digest(octets)} for id, octets in found])
    op.drop_index("ix_forwarded_accounting_due", "forwarded_accounting")
    op.create_index(
        "ix_forwarded_accounting_session",
        "forwarded_accounting",
        ["partner_id", "session_digest", "next_attempt_at", "attempts"],
    )


def _digest(attributes: bytes) -> str:
    """What `federation.accounting_forwarder` finds the rows of a session by."""
    told = dict(reversed(list(_pairs(attributes))))
    named = (told.get(number, b"") for number in NAMES)
    return sha256(b"".join(bytes((len(octets),)) + octets for octets in named)).hexdigest()[:32]


def _pairs(attributes: bytes) -> Iterator[tuple[int, bytes]]:
    while len(attributes) > 1 and attributes[1] > 1:
        yield attributes[0], attributes[2 : attributes[1]]
        attributes = attributes[attributes[1] :]

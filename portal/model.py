"""The portal's own tables: log-ins and enrolments under way, codes sent by e-mail, how often
something was tried; and whom citizens let know them.

But for the last, none is a record: rows live for hours, and :mod:`portal.retention` deletes them.
"""

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from aaa.authentication import Method
from aaa.model import Base
from aaa.model.base import Identified, Word


class EmailCode(Identified, Base):
    """A code that was sent to an address. Its tries are counted here and nowhere else, so that
    every browser which may type it shares them."""

    __tablename__ = "email_code"

    email: Mapped[str] = mapped_column(String(254))
    # Keyed digest of the address and the code together.
    code_digest: Mapped[str] = mapped_column(String(64))
    tries_left: Mapped[int]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    used_at: Mapped[datetime | None]


class LoginAttempt(Identified, Base):
    """One visit of one browser, from the NAS' redirect until the page that says it is online."""

    __tablename__ = "login_attempt"
    __table_args__ = (Index("ix_login_attempt_device", "nas_id", "device_mac", "id"),)

    # The public half of the visit's token; see portal.captive.attempts.
    reference: Mapped[str] = mapped_column(String(16), unique=True)
    nas_id: Mapped[int] = mapped_column(ForeignKey("nas.id", ondelete="CASCADE"))
    hotspot_id: Mapped[int] = mapped_column(ForeignKey("hotspot.id"))
    device_mac: Mapped[str | None] = mapped_column(String(17))
    # What the NAS' adapter needs back to log in and out.
    parameters: Mapped[dict[str, str]] = mapped_column(JSON, default=dict)
    original_url: Mapped[str | None] = mapped_column(String(1000))
    language: Mapped[str | None] = mapped_column(String(8))
    email_code_id: Mapped[int | None] = mapped_column(
        ForeignKey("email_code.id", ondelete="SET NULL")
    )
    # The code was asked for in a former visit of the same device, which anybody can imitate: its
    # address is shown masked.
    is_resumed: Mapped[bool] = mapped_column(default=False)
    # An address without an account, proven by its code.
    proven_email: Mapped[str | None] = mapped_column(String(254))
    citizen_id: Mapped[int | None] = mapped_column(ForeignKey("citizen.id", ondelete="CASCADE"))
    # In place of a citizen: a partner's, for whom their home has vouched.
    visitor_id: Mapped[int | None] = mapped_column(ForeignKey("visitor.id", ondelete="CASCADE"))
    method: Mapped[Method | None] = mapped_column(Word(Method))
    proven_at: Mapped[datetime | None]
    wants_remembering: Mapped[bool] = mapped_column(default=False)
    ticket_id: Mapped[int | None] = mapped_column(ForeignKey("ticket.id", ondelete="SET NULL"))
    ticket_issued_at: Mapped[datetime | None]
    retries: Mapped[int] = mapped_column(default=0)
    # The NAS said that the device is online, and for how long it may be.
    confirmed_at: Mapped[datetime | None]
    confirmed_seconds: Mapped[int | None]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class HomeVisit(Identified, Base):
    """One way of a visit to the OpenID provider of a partner, and back, once."""

    __tablename__ = "home_visit"

    # Keyed digest of the `state` parameter, from which all else that is secret is derived.
    state_digest: Mapped[str] = mapped_column(String(64), unique=True)
    attempt_id: Mapped[int] = mapped_column(
        ForeignKey("login_attempt.id", ondelete="CASCADE"), index=True
    )
    # Who was asked, and alone may answer.
    issuer: Mapped[str] = mapped_column(String(300))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    used_at: Mapped[datetime | None]


class Enrolment(Identified, Base):
    """One citizen's hour in which whoever has its link may give the citizen's devices credentials
    of their own, and take them away."""

    __tablename__ = "enrolment"

    # The public half of the link's token; see portal.onboarding.enrolments.
    reference: Mapped[str] = mapped_column(String(16), unique=True)
    # None: a link was asked for by an address without an account. Nobody has it, it opens nothing.
    citizen_id: Mapped[int | None] = mapped_column(ForeignKey("citizen.id", ondelete="CASCADE"))
    language: Mapped[str | None] = mapped_column(String(8))
    # Keyed digest of the short code that leads to the link, for a quarter of an hour.
    code_digest: Mapped[str | None] = mapped_column(String(64), unique=True)
    code_expires_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class EnrolledDevice(Base):
    """What a new device's profiles are built from, for as long as its enrolment lasts: so a
    download that failed can be repeated, and in another format."""

    __tablename__ = "enrolled_device"

    device_id: Mapped[int] = mapped_column(
        ForeignKey("device.id", ondelete="CASCADE"), primary_key=True
    )
    enrolment_id: Mapped[int] = mapped_column(
        ForeignKey("enrolment.id", ondelete="CASCADE"), index=True
    )
    # What it runs, as its citizen says: a portal.onboarding.formats.Platform.
    platform: Mapped[str] = mapped_column(String(16))
    # Sealed for "enrolled-device"; see portal.onboarding.credentials.
    sealed_credential: Mapped[bytes] = mapped_column(LargeBinary)
    # Until then, the same form sent once more means the same device.
    downloaded_at: Mapped[datetime | None]


class SignIn(Identified, Base):
    """One log-in of a citizen here, for a partner's portal that asked: from its authorization
    request until the ID token, or the end of its time."""

    __tablename__ = "sign_in"

    # The public half of its token, and of its code; another one once the citizen is proven.
    reference: Mapped[str] = mapped_column(String(16), unique=True)
    partner_id: Mapped[int] = mapped_column(ForeignKey("partner.id", ondelete="CASCADE"))
    # Whose pages are shown, and whose citizen who is new becomes.
    collectivity_id: Mapped[int] = mapped_column(ForeignKey("collectivity.id", ondelete="CASCADE"))
    # What the partner asked with.
    redirect_uri: Mapped[str] = mapped_column(String(300))
    state: Mapped[str] = mapped_column(String(2048))
    nonce: Mapped[str] = mapped_column(String(512))
    code_challenge: Mapped[str] = mapped_column(String(64))
    operator: Mapped[str | None] = mapped_column(String(253))
    login_hint: Mapped[str | None] = mapped_column(String(254))
    # Nobody else's log-in is of use to who asked.
    hinted_citizen_id: Mapped[int | None] = mapped_column(
        ForeignKey("citizen.id", ondelete="CASCADE")
    )
    wants_consent: Mapped[bool]
    language: Mapped[str | None] = mapped_column(String(8))
    email_code_id: Mapped[int | None] = mapped_column(
        ForeignKey("email_code.id", ondelete="SET NULL")
    )
    # An address without an account, proven by its code.
    proven_email: Mapped[str | None] = mapped_column(String(254))
    citizen_id: Mapped[int | None] = mapped_column(
        ForeignKey("citizen.id", ondelete="CASCADE"), index=True
    )
    method: Mapped[Method | None] = mapped_column(Word(Method))
    proven_at: Mapped[datetime | None]
    consented_at: Mapped[datetime | None]
    code_issued_at: Mapped[datetime | None]
    code_redeemed_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class Consent(Base):
    """A citizen lets a partner know what a log-in there tells of them, until they revoke it."""

    __tablename__ = "consent"

    citizen_id: Mapped[int] = mapped_column(
        ForeignKey("citizen.id", ondelete="CASCADE"), primary_key=True
    )
    partner_id: Mapped[int] = mapped_column(
        ForeignKey("partner.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    given_at: Mapped[datetime]


class SpentAssertion(Base):
    """A client assertion that was used, until it has expired: none counts twice."""

    __tablename__ = "spent_assertion"

    # Keyed digest of the client and the assertion's `jti`.
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)


class ThrottleWindow(Base):
    """How often one subject tried one thing within one window of time."""

    __tablename__ = "throttle_window"

    # Keyed digest of what is tried and by whom.
    subject: Mapped[str] = mapped_column(String(64), primary_key=True)
    starts_at: Mapped[datetime] = mapped_column(primary_key=True, index=True)
    count: Mapped[int] = mapped_column(default=1)

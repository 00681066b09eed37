"""Delete what the portal keeps only while it is needed."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from aaa.model import Citizen, CitizenState
from portal.model import (
    Consent,
    EmailCode,
    Enrolment,
    HomeVisit,
    LoginAttempt,
    SignIn,
    SpentAssertion,
    ThrottleWindow,
)

# The longest window of portal.throttling is one hour.
_WINDOWS_KEPT: Final = timedelta(hours=2)


async def purge(session: AsyncSession, now: datetime) -> int:
    """Delete visits, ways home, log-ins for partners, codes, enrolments and counts that are past
    use; return how many rows. With an enrolment go the credentials that were kept for it, with an
    account that is not in use the consents of its citizen."""
    ended = select(Citizen.id).where(Citizen.state != CitizenState.ACTIVE)
    gone = [
        await session.execute(delete(HomeVisit).where(HomeVisit.expires_at < now)),
        await session.execute(delete(LoginAttempt).where(LoginAttempt.expires_at < now)),
        await session.execute(delete(EmailCode).where(EmailCode.expires_at < now)),
        await session.execute(
            delete(SignIn).where((SignIn.expires_at < now) | SignIn.citizen_id.in_(ended))
        ),
        await session.execute(delete(SpentAssertion).where(SpentAssertion.expires_at < now)),
        await session.execute(delete(Consent).where(Consent.citizen_id.in_(ended))),
        await session.execute(delete(Enrolment).where(Enrolment.expires_at < now)),
        await session.execute(
            delete(ThrottleWindow).where(ThrottleWindow.starts_at < now - _WINDOWS_KEPT)
        ),
    ]
    return sum(result.rowcount for result in gone)  # type: ignore[attr-defined]

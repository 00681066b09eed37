"""The invited side of joining hands: see who invites, ask, and keep what came of it."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from aaa.database import Database
from aaa.errors import Invalid
from aaa.secret import Keyring
from federation.model import Partner
from federation.stand_ins import NameTaken
from federation.trust import joining, membership, statements
from federation.trust.fetching import Fetcher
from federation.trust.invitations import Code
from federation.trust.joining import Member, Ourselves


async def meet(fetcher: Fetcher, code: Code, now: datetime) -> Member:
    """Return who invites by a code, as they say of themselves, proven by the key that the code
    names. Raises Invalid, Unavailable."""
    inviting = joining.read_statement(await fetcher.statement(code.entity), now)
    if (inviting.described.entity, inviting.thumbprint) != (code.entity, code.thumbprint):
        raise Invalid(
            f"what answers at {code.entity} is not who printed this invitation: its key is another "
            "one. Ask for a new invitation; if that says the same, somebody is in between"
        )
    membership.check_usable(inviting.described)
    return inviting


class Accepting:
    """One acceptance: `us` and whom we met by the code. `name`: how we shall call it, else as it
    says itself."""

    def __init__(
        self, keyring: Keyring, us: Ourselves, code: Code, inviting: Member, name: str | None
    ) -> None:
        self._keyring = keyring
        self._us = us
        self._code = code
        self._inviting = inviting
        self._name = name

    async def accept(
        self, database: Database, fetcher: Fetcher, actor: str, clock: Callable[[], datetime]
    ) -> Partner:
        """Ask the inviting member, and return the partner that it is now. Where it cannot be one,
        it is not asked; where it says no, nothing is kept. Raises Invalid, Unavailable."""
        async with database.write("join") as session:
            await self._rehearse(session, clock())
        request = joining.request_from(self._code, self._us, clock())
        answer = await fetcher.join(self._code.entity, request)
        async with database.write("join") as session:
            self._check(answer, clock())
            partner = await self._keep(session, clock())
            joining.note(session, actor, partner, self._inviting, clock())
        return partner

    async def _rehearse(self, session: AsyncSession, now: datetime) -> None:
        """Raise Invalid where the inviting member could not be our partner; keep nothing."""
        async with session.begin_nested() as attempt:
            try:
                await self._keep(session, now)
            except NameTaken as error:
                raise Invalid(f"{error}, with --name") from None
            await attempt.rollback()

    async def _keep(self, session: AsyncSession, now: datetime) -> Partner:
        token = self._code.token
        return await joining.keep(
            session, self._keyring, self._us, self._inviting, token, self._name, now
        )

    def _check(self, answer: str, now: datetime) -> None:
        keys = self._inviting.described.keys
        claims = statements.verify(answer, keys, joining.ANSWER, now)
        if (claims.get("iss"), claims.get("aud")) != (self._code.entity, self._us.entity):
            raise Invalid("the answer is by, or for, somebody else: paste the code anew")

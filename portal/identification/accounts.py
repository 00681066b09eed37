"""A new citizen: the identifier that they choose, and the terms that they accept."""

from aaa import audit, citizens, identifier
from aaa.authentication import Method
from aaa.citizens import CitizenRecord
from aaa.errors import Invalid
from aaa.passwords import check_password
from aaa.snapshot import CollectivityEntry
from portal import throttling
from portal.identification.seeker import Proof, Seeker
from portal.identification.steps import Keep, count_log_in, count_sign_up
from portal.identification.wish import Wish
from portal.pages import Mistake
from portal.parts import Parts
from portal.throttling import Throttled


async def create(
    parts: Parts, seeker: Seeker, email: str, wish: Wish, keep: Keep
) -> Mistake | Throttled | None:
    """Create the citizen of a proven address; return what is wrong, None where they are there.
    Without a password they log in by code."""
    now = parts.clock()
    if mistake := _mistake_in(wish):
        return mistake
    if refused := await throttling.admit(parts.database, parts.keyring, seeker.accounts, now):
        return refused
    password = wish.password
    password_hash = await parts.hashing.hash(check_password(password)) if password else None
    try:
        async with parts.database.write("sign_up") as session:
            citizen_id = await citizens.add(
                session,
                name=wish.name,
                collectivity=seeker.place,
                email=email,
                password_hash=password_hash,
                language=wish.language,
                now=now,
            )
            await citizens.accept_terms(session, citizen_id, seeker.place, now)
            await keep(session, Proof(Method.EMAIL_CODE, now, citizen_id=citizen_id))
            audit.note(
                session,
                actor="portal",
                action="citizen.sign_up",
                subject=f"citizen:{citizen_id}",
                now=now,
                **seeker.whereabouts,
            )
    except Invalid:
        async with parts.database.read("sign_up") as session:
            is_taken = await citizens.is_taken(session, wish.name, seeker.place)
        return Mistake.NAME_TAKEN if is_taken else Mistake.EMAIL_TAKEN
    count_sign_up(seeker, "completed")
    count_log_in(seeker, Method.EMAIL_CODE, "accept")
    return None


async def accept_terms(parts: Parts, citizen: CitizenRecord) -> None:
    """Keep that a citizen accepts their home's terms of now."""
    now = parts.clock()
    async with parts.database.write("terms") as session:
        await citizens.accept_terms(session, citizen.id, citizen.collectivity, now)
        audit.note(
            session,
            actor="portal",
            action="citizen.accept_terms",
            subject=f"citizen:{citizen.id}",
            now=now,
            terms=citizens.terms_of(citizen.collectivity),
        )


async def offer(
    parts: Parts, email: str, home: CollectivityEntry, wish: Wish | None
) -> dict[str, object]:
    """Return what the page of a new account shows; ``wish`` is what was sent, where something was.
    Of a password only that there was one is kept."""
    return {
        "suggested_name": wish.name if wish else await _free_name(parts, email, home),
        "wants_password": wish.wants_password if wish else False,
        "accepts_terms": wish.accepts_terms if wish else False,
        "realm": home.realm,
        "terms": home.terms,
    }


async def _free_name(parts: Parts, email: str, home: CollectivityEntry) -> str:
    """Return a name built from an address that nobody has yet, or "" where none comes to mind."""
    suggested = identifier.suggest(email)
    if not suggested:
        return ""
    async with parts.database.read("suggest") as session:
        for ending in ("", *map(str, range(2, 10))):
            name = suggested[: identifier.NAME_LENGTH.stop - 1 - len(ending)] + ending
            if not await citizens.is_taken(session, name, home):
                return name
    return ""


def _mistake_in(wish: Wish) -> Mistake | None:
    try:
        identifier.check_name(wish.name)
    except Invalid:
        return Mistake.NAME_UNUSABLE
    if wish.wants_password and not wish.password:
        return Mistake.PASSWORD_MISSING
    try:
        if wish.password:
            check_password(wish.password)
    except Invalid:
        return Mistake.PASSWORD_UNUSABLE
    return None if wish.accepts_terms else Mistake.TERMS_NOT_ACCEPTED

"""What routes ask for by annotation: the parts of the portal, what the URL leads to (a visit, an
enrolment, a log-in for a partner), a form."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, Request

from portal.captive import attempts
from portal.captive.attempts import Attempt
from portal.identification.wish import Wish
from portal.onboarding import enrolments
from portal.onboarding.enrolments import OpenEnrolment
from portal.openid import sign_ins
from portal.openid.sign_ins import OpenSignIn
from portal.pages import LANGUAGES
from portal.parts import Parts

_MOST_FIELDS: Final = 20


class VisitGone(Exception):
    """There is no such visit, or log-in for a partner, or it is too old."""


class LinkGone(Exception):
    """There is no such enrolment, or it is over."""


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of a form that was sent; one that is missing is empty."""

    fields: Mapping[str, object]

    def exactly(self, name: str) -> str:
        """Return a field as it was sent: a password."""
        value = self.fields.get(name)
        return value if isinstance(value, str) else ""

    def text(self, name: str) -> str:
        """Return a field without what cannot be typed (NUL among it) and spaces around it."""
        return "".join(filter(str.isprintable, self.exactly(name))).strip()

    def is_ticked(self, name: str) -> bool:
        """Return whether a box was ticked, or a button of this name pressed."""
        return bool(self.exactly(name))


def parts_of(request: Request) -> Parts:
    """Return the parts that the application was made with."""
    parts: Parts = request.app.state.parts
    return parts


async def visit_of(request: Request, token: str) -> Attempt:
    """Return the visit in the URL, in the language that the URL asks for; raise VisitGone."""
    parts = parts_of(request)
    async with parts.database.read("visit") as session:
        attempt = await attempts.by_token(
            session, parts.keyring, parts.snapshot, token, parts.clock()
        )
    if attempt is None:
        raise VisitGone
    request.state.nas = attempt.nas.name
    language = request.query_params.get("lang")
    if language in LANGUAGES and language != attempt.language:
        async with parts.database.write("language") as session:
            await attempts.change(session, attempt, language=language)
    return attempt


async def enrolment_of(request: Request, token: str) -> OpenEnrolment:
    """Return the enrolment in the URL, in the language that the URL asks for; raise LinkGone."""
    parts = parts_of(request)
    async with parts.database.read("enrolment") as session:
        enrolment = await enrolments.by_token(
            session, parts.keyring, parts.snapshot, token, parts.clock()
        )
    if enrolment is None:
        raise LinkGone
    language = request.query_params.get("lang")
    if language in LANGUAGES and language != enrolment.language:
        async with parts.database.write("language") as session:
            await enrolments.speak(session, enrolment, language)
    return enrolment


async def sign_in_of(request: Request, token: str) -> OpenSignIn:
    """Return the log-in for a partner in the URL, in the language that the URL asks for; raise
    VisitGone."""
    parts = parts_of(request)
    async with parts.database.read("sign_in") as session:
        sign_in = await sign_ins.by_token(
            session,
            parts.keyring,
            parts.snapshot,
            parts.partners.current,
            token,
            parts.clock(),
        )
    if sign_in is None:
        raise VisitGone
    language = request.query_params.get("lang")
    if language in LANGUAGES and language != sign_in.language:
        async with parts.database.write("language") as session:
            await sign_ins.change(session, sign_in, language=language)
    return sign_in


def source_of(request: Request) -> str:
    """Return where a request comes from, as far as the front tells."""
    return request.client.host if request.client else ""


def wish_of(form: Form, language: str) -> Wish:
    """Return the form of a new account."""
    password = form.exactly("password")
    return Wish(
        name=form.text("name"),
        password=password,
        wants_password=bool(password) or form.is_ticked("wants_password"),
        accepts_terms=form.is_ticked("accept_terms"),
        remember=form.is_ticked("remember"),
        language=language,
    )


async def form_of(request: Request) -> Form:
    """Return the form that a request carries; files are refused."""
    async with request.form(max_files=0, max_fields=_MOST_FIELDS) as form:
        return Form(dict(form))


PartsHere = Annotated[Parts, Depends(parts_of)]
EnrolmentHere = Annotated[OpenEnrolment, Depends(enrolment_of)]
VisitHere = Annotated[Attempt, Depends(visit_of)]
SignInHere = Annotated[OpenSignIn, Depends(sign_in_of)]
SourceHere = Annotated[str, Depends(source_of)]
FormHere = Annotated[Form, Depends(form_of)]

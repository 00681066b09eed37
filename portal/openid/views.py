"""The pages of a log-in for a partner, with what each of them shows."""

import base64
from typing import Final

from aaa import identifier
from aaa.errors import Invalid
from aaa.policy import DenyReason
from federation.directory import PartnerEntry
from portal.answers import CORRECT_IT, Show
from portal.identification import accounts, codes
from portal.identification.wish import Wish
from portal.openid.sign_ins import OpenSignIn, title_of
from portal.pages import Mistake
from portal.parts import Parts

# A page weighs little, whatever a partner draws: a larger drawing is left out.
_MOST_LOGO_OCTETS: Final = 4096


def welcome(
    parts: Parts,
    sign_in: OpenSignIn,
    error: Mistake | None = None,
    *,
    email: str = "",
    identifier: str = "",
) -> Show:
    """Return the page with the two ways to log in, and who asks for it."""
    return _show(
        "sign_in.html",
        sign_in,
        error,
        {
            "email": email,
            "identifier": identifier or _named_in(sign_in.login_hint),
            "can_mail": parts.mailer is not None,
        },
    )


async def code(parts: Parts, sign_in: OpenSignIn, error: Mistake | None = None) -> Show:
    """Return the page that asks for the code."""
    async with parts.database.read("code") as session:
        left = await codes.tries_left(session, sign_in.email_code_id)
    return _show("code.html", sign_in, error, {"email": sign_in.email or "", "tries_left": left})


async def account(
    parts: Parts, sign_in: OpenSignIn, error: Mistake | None = None, wish: Wish | None = None
) -> Show:
    """Return the page of a new account; ``wish`` is what was sent, where something was."""
    offered = await accounts.offer(parts, sign_in.email or "", sign_in.place, wish)
    return _show("account.html", sign_in, error, offered)


def terms(sign_in: OpenSignIn, error: Mistake | None = None) -> Show:
    """Return the page that asks a citizen to accept their own town's terms, which have changed."""
    return _show("terms.html", sign_in, error, {"terms": sign_in.collectivity.terms})


def consent(sign_in: OpenSignIn) -> Show:
    """Return the page that says what the place that asks gets to know, and never does."""
    return _show("consent.html", sign_in, None, {})


def leaving(sign_in: OpenSignIn, url: str) -> Show:
    """Return the page that goes on to a partner by itself. It is no redirect: browsers hold what
    follows a form to our own `form-action`, and where the partner sends them we cannot know."""
    return Show("leaving.html", sign_in, context={"url": url, "asking": sign_in.asking})


def denied(sign_in: OpenSignIn, reason: DenyReason) -> Show:
    """Return the page that says why the citizen may not connect there now."""
    context = {"reason": reason, "asking": sign_in.asking}
    return Show("sign_in_denied.html", sign_in, status=403, context=context)


def unanswerable() -> Show:
    """Return the page for a request of nobody whom we know, or that is to be answered elsewhere."""
    return Show("sign_in_refused.html", status=400)


def logo_of(partner: PartnerEntry) -> str | None:
    """Return a partner's drawing as a URL for an image: in there it can neither fetch nor run
    anything."""
    drawing = partner.described.logo_svg if partner.described else None
    if drawing is None or len(drawing.encode()) > _MOST_LOGO_OCTETS:
        return None
    return f"data:image/svg+xml;base64,{base64.b64encode(drawing.encode()).decode()}"


def _show(
    page: str, sign_in: OpenSignIn, error: Mistake | None, context: dict[str, object]
) -> Show:
    asking = {"asking": title_of(sign_in.partner), "asking_logo": logo_of(sign_in.partner)}
    status = CORRECT_IT if error else 200
    return Show(page, sign_in, status=status, error=error, context=asking | context)


def _named_in(login_hint: str | None) -> str:
    """Return what of a hint may stand in the form: a realm alone names nobody."""
    try:
        return login_hint or "" if identifier.parse(login_hint or "").name else ""
    except Invalid:
        return ""

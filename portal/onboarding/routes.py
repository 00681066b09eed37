"""The addresses of the secure network: parse, ask one service, answer.

The link is the key, as with visits: no cookies, and so no form that a foreign page could send.
"""

import re
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from aaa.secret import Secret
from portal.dependencies import EnrolmentHere, FormHere, PartsHere, SourceHere, VisitHere
from portal.notices import notice
from portal.onboarding import formats, links, making, views
from portal.onboarding.views import Asking
from portal.openid import consents
from portal.rendering import language_of, not_found, respond

router = APIRouter()

# Addresses below an enrolment that take forms.
_STEPS: Final = frozenset({"devices", "mail"})


def asking_of(request: Request, enrolment: EnrolmentHere) -> Asking:
    """Return what the browser says of itself."""
    agent = request.headers.get("user-agent", "")
    home = enrolment.citizen.collectivity
    return Asking(
        platform=formats.suggest(agent, request.headers.get("sec-ch-ua-platform")),
        is_mini=formats.is_mini_browser(agent),
        language=language_of(request, enrolment, home.language),
    )


def number_of(device_id: str) -> int:
    """Return the number in the URL; 0, which no device has, for what can be none."""
    return int(device_id) if re.fullmatch(r"[0-9]{1,18}", device_id) else 0


AskingHere = Annotated[Asking, Depends(asking_of)]
DeviceNumber = Annotated[int, Depends(number_of)]


@router.post("/visit/{token}/secure")
async def begin(request: Request, parts: PartsHere, attempt: VisitHere, form: FormHere) -> Response:
    """From the page that says "you are online", or that asks for the password once more."""
    language = language_of(request, attempt, attempt.hotspot.collectivity.language)
    password = form.exactly("password")
    answer = await links.from_visit(
        parts, attempt, Secret(password) if password else None, language
    )
    return respond(parts, request, answer)


@router.get("/secure")
async def ask(request: Request, parts: PartsHere, at: str = "", sent: str = "") -> Response:
    """Without a visit: by e-mail; ``at`` names a hotspot."""
    answer = views.sent(parts, at) if sent else views.ask(parts, at)
    return respond(parts, request, answer)


@router.post("/secure")
async def send_link(
    request: Request, parts: PartsHere, source: SourceHere, form: FormHere, at: str = ""
) -> Response:
    """Send a link to an address."""
    language = language_of(request, None, None)
    answer = await links.by_mail(parts, form.text("email"), source, language, at)
    return respond(parts, request, answer)


@router.get("/s/{code}")
async def follow_code(
    request: Request, parts: PartsHere, source: SourceHere, code: str
) -> Response:
    """A short address, typed or scanned."""
    return respond(parts, request, await links.by_code(parts, code, source))


@router.get("/secure/{token}")
async def start(
    request: Request,
    parts: PartsHere,
    enrolment: EnrolmentHere,
    asking: AskingHere,
    sent: str = "",
) -> Response:
    """What fits this device, and the list of one's devices."""
    answer = await views.start(parts, enrolment, asking, is_sent=bool(sent))
    return respond(parts, request, answer)


@router.post("/secure/{token}/mail")
async def mail_again(
    request: Request, parts: PartsHere, enrolment: EnrolmentHere, asking: AskingHere
) -> Response:
    """Send the link to the citizen's own address."""
    return respond(parts, request, await links.mail_again(parts, enrolment, asking))


@router.post("/secure/{token}/devices")
async def make(
    request: Request,
    parts: PartsHere,
    enrolment: EnrolmentHere,
    asking: AskingHere,
    form: FormHere,
) -> Response:
    """Give a new device a credential."""
    answer = await making.make(parts, enrolment, form.text("name"), form.text("kind"), asking)
    return respond(parts, request, answer)


@router.get("/secure/{token}/devices/{device_id}")
async def device(
    request: Request,
    parts: PartsHere,
    enrolment: EnrolmentHere,
    asking: AskingHere,
    number: DeviceNumber,
    file: str = "",
) -> Response:
    """A device: its profile, and what to do with it; ``file`` is the format of a file for it."""
    return respond(parts, request, await views.device(parts, enrolment, number, asking, file))


@router.post("/secure/{token}/devices/{device_id}/renew")
async def renew(
    request: Request,
    parts: PartsHere,
    enrolment: EnrolmentHere,
    asking: AskingHere,
    number: DeviceNumber,
) -> Response:
    """Give a device another credential."""
    return respond(parts, request, await making.renew(parts, enrolment, number, asking))


@router.post("/secure/{token}/devices/{device_id}/revoke")
async def revoke(
    request: Request, parts: PartsHere, enrolment: EnrolmentHere, number: DeviceNumber
) -> Response:
    """Take a device off the list."""
    return respond(parts, request, await making.revoke(parts, enrolment, number))


@router.get("/secure/{token}/devices/{device_id}/{slug}")
async def download(
    request: Request,
    parts: PartsHere,
    enrolment: EnrolmentHere,
    asking: AskingHere,
    number: DeviceNumber,
    slug: str,
) -> Response:
    """A device's profile in one format."""
    answer = await making.download(parts, enrolment, number, slug, asking.language)
    return respond(parts, request, answer)


@router.get("/secure/{token}/places")
async def places(request: Request, parts: PartsHere, enrolment: EnrolmentHere) -> Response:
    """The partners' places whom the citizen lets know them."""
    return respond(parts, request, await consents.show(parts, enrolment))


@router.post("/secure/{token}/places/{partner}/take-back")
async def take_back(
    request: Request, parts: PartsHere, enrolment: EnrolmentHere, partner: str
) -> Response:
    """Let a place know them no more."""
    return respond(parts, request, await consents.take_back(parts, enrolment, partner))


@router.get("/secure/{token}/notice/{kind}")
async def notice_in_enrolment(
    request: Request, parts: PartsHere, enrolment: EnrolmentHere, kind: str
) -> Response:
    """A notice, from which one finds back."""
    return respond(parts, request, notice(parts, kind, within=enrolment))


@router.get("/secure/{token}/{step}")
async def return_to_start(
    request: Request, parts: PartsHere, enrolment: EnrolmentHere, step: str
) -> Response:
    """A form that was not taken is shown at its own address, where a browser may open it again."""
    answer = making.to_start(parts, enrolment) if step in _STEPS else not_found()
    return respond(parts, request, answer)

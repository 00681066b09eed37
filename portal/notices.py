"""The pages outside any visit: home, legal notices, and what dresses a collectivity's pages."""

from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from aaa.snapshot import HotspotEntry, Snapshot
from portal.answers import Show, Within
from portal.captive.attempts import Attempt
from portal.colours import colour_stylesheet
from portal.dependencies import PartsHere
from portal.onboarding.enrolments import OpenEnrolment
from portal.openid.sign_ins import OpenSignIn
from portal.parts import Parts
from portal.rendering import not_found, respond
from portal.sentences import N_

_KINDS: Final = {"terms", "privacy", "accessibility"}
# What the way back from a notice is called.
_BACK: Final = {
    Attempt: N_("Back to the Wi-Fi"),
    OpenEnrolment: N_("Back to your devices"),
    OpenSignIn: N_("Back to the log-in"),
}
_KEPT_FOR_AN_HOUR: Final = {"Cache-Control": "public, max-age=3600"}

router = APIRouter()


def notice(
    parts: Parts,
    kind: str,
    *,
    hotspot: HotspotEntry | None = None,
    within: Within | None = None,
) -> Show:
    """Return a legal notice, in the words of the collectivity whose pages these are."""
    if kind not in _KINDS:
        return not_found()
    return Show(
        "notice.html",
        within,
        hotspot,
        context={
            "kind": kind,
            "keeps_secrets": parts.settings.eap.challenges,
            "back": _BACK.get(type(within)),
        },
    )


@router.get("/")
async def home(request: Request, parts: PartsHere, at: str = "") -> Response:
    """The portal opened by hand; ``at`` names a hotspot."""
    return respond(
        parts,
        request,
        Show(
            "home.html",
            hotspot=_hotspot(parts.snapshot, at),
            context={"has_secure": parts.snapshot.server_identity is not None},
        ),
    )


@router.get("/notice/{kind}")
async def legal_notice(request: Request, parts: PartsHere, kind: str, at: str = "") -> Response:
    """A legal notice; ``at`` names the hotspot whose collectivity answers for it."""
    return respond(parts, request, notice(parts, kind, hotspot=_hotspot(parts.snapshot, at)))


@router.get("/colour/{name}.css")
async def colour(request: Request, parts: PartsHere, name: str) -> Response:
    """The stylesheet of a collectivity's colour."""
    try:
        return Response(colour_stylesheet(name), media_type="text/css", headers=_KEPT_FOR_AN_HOUR)
    except ValueError:
        return respond(parts, request, not_found())


@router.get("/logo/{slug}.svg")
async def logo(request: Request, parts: PartsHere, slug: str) -> Response:
    """The drawing of a collectivity, or of a partner as it describes itself."""
    partner = parts.partners.current.by_name.get(slug)
    if partner and partner.described and partner.described.logo_svg:
        drawing = partner.described.logo_svg
        return Response(drawing, media_type="image/svg+xml", headers=_KEPT_FOR_AN_HOUR)
    for entry in parts.snapshot.collectivities.values():
        if entry.slug == slug and entry.logo_svg:
            return Response(entry.logo_svg, media_type="image/svg+xml", headers=_KEPT_FOR_AN_HOUR)
    return respond(parts, request, not_found())


def _hotspot(snapshot: Snapshot, slug: str) -> HotspotEntry | None:
    places = (entry for entry in snapshot.hotspots.values() if entry.slug == slug)
    # What stands for a partner is no place, and answers for nothing here.
    return next((entry for entry in places if not entry.collectivity.is_partner), None)

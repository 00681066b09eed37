"""What devices ask by themselves: the Captive Portal API (RFC 8908), announced by RFC 8910."""

import json

from fastapi.responses import Response

from aaa import mac
from portal.captive import online
from portal.captive.allowance import Allowance
from portal.captive.attempts import Attempt, token_of
from portal.parts import Parts

CONTENT_TYPE = "application/captive+json"


async def by_address(parts: Parts, nas_name: str, address: str) -> Response:
    """Return the state of a device by the MAC address that its gateway put into the URL, in
    whatever form; a device that we do not know is captive.

    The page is the way by the NAS, captive or not, and never a visit: whoever has seen a device's
    address may ask here, while a visit's token is for its own browser alone. The NAS knows who
    comes, and redirects a device that is online to its status page.
    """
    nas = parts.snapshot.nas_by_name.get(nas_name)
    device_mac = mac.normalize(address)
    if nas is None:
        return _state(f"{parts.settings.portal.public_url}/", None)
    allowance = None
    if device_mac is not None:
        async with parts.database.read("captive_api") as session:
            running = await online.running_session(
                session, parts.snapshot, nas, device_mac, parts.clock()
            )
        allowance = running[1] if running else None
    return _state(f"{parts.settings.portal.public_url}/enter/{nas.name}", allowance)


async def by_visit(parts: Parts, attempt: Attempt) -> Response:
    """Return the state of the device of a visit, whose page goes on where it stands."""
    token = token_of(parts.keyring, attempt.reference)
    running = None
    if attempt.device_mac is not None:
        async with parts.database.read("captive_api") as session:
            running = await online.running_session(
                session, parts.snapshot, attempt.nas, attempt.device_mac, parts.clock()
            )
    page = f"{parts.settings.portal.public_url}/visit/{token}"
    return _state(page, running[1] if running else None)


def unknown(parts: Parts) -> Response:
    """Return what a device is told of which nothing is known."""
    return _state(f"{parts.settings.portal.public_url}/", None)


def _state(portal_url: str, allowance: Allowance | None) -> Response:
    """Return the JSON of RFC 8908 section 5; ``allowance`` is None for a device that is captive."""
    state: dict[str, object] = {
        "captive": allowance is None,
        "user-portal-url": portal_url,
        "can-extend-session": False,
    }
    if allowance is not None and allowance.seconds is not None:
        state["seconds-remaining"] = allowance.seconds
    if allowance is not None and allowance.octets is not None:
        state["bytes-remaining"] = allowance.octets
    return Response(
        json.dumps(state), media_type=CONTENT_TYPE, headers={"Cache-Control": "private"}
    )

"""The service's roots and revocation lists, for whoever sets up a device or a server by hand."""

from typing import Annotated, Final

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response

from aaa.pki import contents, revocation
from portal.dependencies import PartsHere
from portal.rendering import not_found, respond

_KEPT_FOR_AN_HOUR: Final = {"Cache-Control": "public, max-age=3600"}

router = APIRouter()

Number = Annotated[int, Path(ge=1, lt=1 << 31)]


@router.get("/ca/farandole-ca.pem")
async def roots(request: Request, parts: PartsHere) -> Response:
    """Every root, the oldest first: what `ca_cert` of wpa_supplicant takes."""
    identity = parts.snapshot.server_identity
    if identity is None:
        return respond(parts, request, not_found())
    bundle = "".join(map(contents.pem, identity.anchors))
    return Response(bundle, media_type="application/x-pem-file", headers=_KEPT_FOR_AN_HOUR)


@router.get("/crl/{authority}.crl")
async def revocation_list(request: Request, parts: PartsHere, authority: Number) -> Response:
    """The revocation list of one root (RFC 5280), whose address stands in every certificate that
    it signed for a device."""
    async with parts.database.read("revocation_list") as session:
        found = await revocation.revocation_list(session, parts.keyring, authority, parts.clock())
    if found is None:
        return respond(parts, request, not_found())
    return Response(found, media_type="application/pkix-crl", headers=_KEPT_FOR_AN_HOUR)

"""Status-Server: "are you there?" (RFC 5997)."""

from radius.request import Reply, Request, Service
from radius.wire.attributes import Attributes
from radius.wire.packet import Code, Packet

_ANSWERS = {
    Service.AUTHENTICATION: Code.ACCESS_ACCEPT,
    Service.ACCOUNTING: Code.ACCOUNTING_RESPONSE,
}


async def answer_status(request: Request) -> Reply:
    """Return that we are: Access-Accept or Accounting-Response, by the port that was asked.

    RFC 5997 section 2. That the request was signed was verified with its secret.
    """
    code = _ANSWERS[request.service]
    packet = request.packet
    return Reply(Packet(code, packet.identifier, packet.authenticator, Attributes()))

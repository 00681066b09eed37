"""Which handler a request goes to. What comes out of here is what `federation` wraps."""

from radius.handlers.reply import nak
from radius.handlers.status import answer_status
from radius.request import Handler, Reply, Request, Unanswered
from radius.wire.packet import Code


def local_handler(access: Handler, accounting: Handler) -> Handler:
    """Return the handler of all that is answered here, by the code of the request."""

    async def handle(request: Request) -> Reply | Unanswered:
        match request.packet.code:
            case Code.ACCESS_REQUEST:
                return await access(request)
            case Code.ACCOUNTING_REQUEST:
                return await accounting(request)
            case Code.STATUS_SERVER:
                return await answer_status(request)
            case Code.COA_REQUEST | Code.DISCONNECT_REQUEST:
                # No NAS gives orders; RFC 6614 section 2.5 has that said.
                return Reply(nak(request, "Unsupported-Extension"))
        return Unanswered.UNSUPPORTED_CODE

    return handle

"""Nothing that a packet carries of a person or a secret is logged, whatever becomes of it."""

import hmac
import io
from functools import partial
from typing import Any, cast

import pytest

from aaa.authentication import Claim
from aaa.secret import Secret
from monitoring.logging import configure
from radius.handlers.proof import Pap
from radius.request import Reply, Request, Unanswered
from radius.transports import client
from radius.wire.authenticator import encode_access_request
from radius.wire.packet import Code, encode
from tests.radius.served import (
    PHONE_AS_SENT,
    Socket,
    accounting,
    dropped,
    pap,
    serve,
    until,
)
from tests.village import NAS_SECRET, PHONE, Village

PLANTED = ("anna", "lavender", "of the square", PHONE, PHONE_AS_SENT, "02005e005301", "10.1.0.77")


@pytest.fixture
def written(logging_restored: None) -> io.StringIO:
    """What is logged, as it is in production."""
    return io.StringIO()


async def test_what_is_planted_in_packets_is_not_logged(
    village: Village, written: io.StringIO
) -> None:
    async def fail(request: Request) -> Reply | Unanswered:
        if request.packet.attributes.has("NAS-Port"):
            raise RuntimeError(f"{request!r} of anna@village.example at {PHONE}")
        return await answering(request)

    async with serve(village, handler=fail) as served:
        answering = served.handler
        configure(key=b"k", log_level="debug", stream=written)
        here = (("Calling-Station-Id", PHONE_AS_SENT), ("Framed-IP-Address", "10.1.0.77"))
        await served.answer(pap("anna@village.example", "lavender in july", *here))
        await served.answer(pap("anna", "lavender in june", *here))
        await served.answer(accounting("Start", ("User-Name", "anna@village.example"), *here[1:]))
        bugs, strangers = dropped("internal_error"), dropped("unknown_nas")
        socket, stranger = Socket(), Socket("127.0.0.9")
        failing = pap("anna", "lavender in july", ("NAS-Port", 1), *here)
        socket.send(encode_access_request(failing, NAS_SECRET.reveal()), served.auth)
        named = pap("anna", "lavender", ("NAS-Identifier", "anna@village.example"), *here)
        stranger.send(encode(named), served.auth)
        await until(lambda: dropped("internal_error") == bugs + 1)
        await until(lambda: dropped("unknown_nas") == strangers + 1)
        socket.close()
        stranger.close()
    lines = written.getvalue()
    assert '"outcome": "accept"' in lines
    assert '"reason": "wrong_password"' in lines
    assert "Traceback" in lines
    assert "farandole nas add" in lines
    assert [planted for planted in PLANTED if planted.casefold() in lines.casefold()] == []


def test_what_a_traceback_might_show_hides_its_secrets() -> None:
    password = b"lavender in july"
    matches = partial(hmac.compare_digest, password)
    place = cast(Any, None)
    claim = Claim("anna", place, place, PHONE, matches, Secret(password))
    question = client._Question(7, Code.STATUS_SERVER, b"", ("127.0.0.1", 1), NAS_SECRET)
    for shown in (repr(claim), repr(Pap(password)), repr(question)):
        assert "lavender" not in shown
        assert "of the square" not in shown

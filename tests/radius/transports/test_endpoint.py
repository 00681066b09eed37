"""Answers come from the address that was asked, on a machine with several."""

import asyncio
import socket

import pytest

from radius.wire.authenticator import encode_access_request
from radius.wire.packet import Code, parse
from tests.radius.served import pap, serve
from tests.village import NAS_SECRET, PASSWORD, Village


@pytest.mark.parametrize(
    ("bound", "asked"),
    [("0.0.0.0", "127.0.0.9"), ("::", "127.0.0.9"), ("127.0.0.1", "127.0.0.1")],
)
async def test_the_answer_comes_from_where_it_was_asked(
    village: Village, bound: str, asked: str
) -> None:
    async with serve(village, address=bound) as served:
        # A connected socket takes datagrams from the one address only, as a NAS does.
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as nas:
            nas.setblocking(False)
            nas.bind(("127.0.0.1", 0))
            nas.connect((asked, served.server.auth_port))
            question = pap("anna", PASSWORD.reveal())
            nas.send(encode_access_request(question, NAS_SECRET.reveal()))
            async with asyncio.timeout(20):
                answer = await asyncio.get_running_loop().sock_recv(nas, 4096)
    assert parse(answer).code is Code.ACCESS_ACCEPT

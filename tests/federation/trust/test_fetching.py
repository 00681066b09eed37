"""What other members' portals may answer, and what comes of it."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from aaa.errors import Invalid, Unavailable
from federation.trust.fetching import MESSAGE_TYPE, Fetcher
from federation.trust.statements import MOST_OCTETS
from tests.federation.members import ENTITY


def answering(answer: Callable[[httpx.Request], httpx.Response], seconds: float = 10) -> Fetcher:
    """A fetcher whose every request gets an answer of a test's own."""
    return Fetcher(httpx.MockTransport(answer), seconds)


def given(status: int, octets: bytes = b"", **headers: str) -> httpx.Response:
    """An answer that is still to be read."""
    return httpx.Response(status, stream=httpx.ByteStream(octets), headers=headers)


async def test_each_question_has_its_address() -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return given(200, request.url.path.encode())

    fetcher = answering(answer)
    assert await fetcher.statement(ENTITY) == "/.well-known/openid-federation"
    assert await fetcher.connections(f"{ENTITY}/wi-fi") == "/wi-fi/federation/connections"
    assert await fetcher.join(ENTITY, "a request") == "/federation/join"
    await fetcher.close()
    assert [request.method for request in asked] == ["GET", "GET", "POST"]
    assert (asked[2].content, asked[2].headers["content-type"]) == (b"a request", MESSAGE_TYPE)


async def test_a_refusal_is_told_in_the_members_own_words_and_no_others() -> None:
    fetcher = answering(lambda _: given(422, b"too\nlate \x1b[2J" + b"x" * 9000))
    with pytest.raises(Invalid) as refused:
        await fetcher.join(ENTITY, "a request")
    assert str(refused.value).startswith(f"{ENTITY} says: too late [2Jxxx")
    assert len(str(refused.value)) < 400
    # Only who asked to join is told why not.
    with pytest.raises(Unavailable, match="HTTP 422"):
        await fetcher.statement(ENTITY)


@pytest.mark.parametrize(
    "response",
    [
        given(404),
        given(500, b"x" * 100),
        # It is led nowhere else.
        given(302, Location="http://127.0.0.1:9812/metrics"),
        given(200, b"\xff\xfe"),
        given(200, b"x" * (MOST_OCTETS + 1)),
        # What was packed is not unpacked.
        given(200, gzip.compress(b"x" * 9999), **{"Content-Encoding": "gzip"}),
    ],
    ids=["nothing", "broken", "elsewhere", "no text", "endless", "packed"],
)
async def test_what_is_no_answer_is_an_outage(response: httpx.Response) -> None:
    fetcher = answering(lambda _: response)
    with pytest.raises(Unavailable, match="liguria"):
        await fetcher.statement(ENTITY)


async def test_who_cannot_be_reached_or_named_is_an_outage() -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    fetcher = answering(fail)
    for entity in (ENTITY, "https://" + "x" * 70 + ".example", "https://é\u2028.example"):
        with pytest.raises(Unavailable):
            await fetcher.statement(entity)


async def test_who_answers_an_octet_at_a_time_holds_nobody_up() -> None:
    async def drip() -> AsyncIterator[bytes]:
        yield b"x"
        await asyncio.Event().wait()

    fetcher = answering(lambda _: httpx.Response(200, content=drip()), seconds=0.1)
    with pytest.raises(Unavailable, match="timeout"):
        await fetcher.statement(ENTITY)

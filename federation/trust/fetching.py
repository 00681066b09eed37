"""Asks other members' portals, over HTTP: bounded in time and size, and led nowhere else."""

import asyncio
from http import HTTPStatus
from typing import Final

import httpx

from aaa.errors import Invalid, Outage, Unavailable
from federation.trust.statements import MOST_OCTETS

STATEMENT_PATH: Final = "/.well-known/openid-federation"
"""OpenID Federation 1.0 section 9."""
JOIN_PATH: Final = "/federation/join"
CONNECTIONS_PATH: Final = "/federation/connections"
STATEMENT_TYPE: Final = "application/entity-statement+jwt"
MESSAGE_TYPE: Final = "application/jwt"
_SECONDS: Final = 10.0
_LONGEST_REASON: Final = 300


class Fetcher:
    """Fetches what members publish, and hands them what we sign. Close it when done.

    It raises Unavailable where a member cannot be reached or answers nonsense.
    """

    def __init__(
        self, transport: httpx.AsyncBaseTransport | None = None, seconds: float = _SECONDS
    ) -> None:
        """`transport`: what carries the requests, in the place of the network; `seconds`: how long
        an answer may take until its last octet."""
        self._seconds = seconds
        self._client = httpx.AsyncClient(
            timeout=seconds, follow_redirects=False, transport=transport
        )

    async def statement(self, entity: str) -> str:
        """Return the entity configuration of a member, unread."""
        return await self._ask("GET", entity, STATEMENT_PATH)

    async def connections(self, entity: str) -> str:
        """Return what a member has measured, signed and unread."""
        return await self._ask("GET", entity, CONNECTIONS_PATH)

    async def join(self, entity: str, request: str) -> str:
        """Return a member's answer to our request to join hands, unread. Raises Invalid with the
        member's own words where it refuses."""
        return await self._ask("POST", entity, JOIN_PATH, request)

    async def close(self) -> None:
        """Let go of connections."""
        await self._client.aclose()

    async def _ask(self, method: str, entity: str, path: str, content: str | None = None) -> str:
        # What is unpacked could be any size.
        headers = {"Accept-Encoding": "identity"}
        if content is not None:
            headers["Content-Type"] = MESSAGE_TYPE
        try:
            async with (
                asyncio.timeout(self._seconds),
                self._client.stream(
                    method, entity + path, content=content, headers=headers
                ) as response,
            ):
                status = response.status_code
                text = await _read(response)
        except TimeoutError:
            raise Unavailable(entity, Outage.TIMEOUT, f"at {path}") from None
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            detail = f"{type(error).__name__} {error}".strip()
            raise Unavailable(entity, Outage.UNAVAILABLE, detail) from None
        if status == HTTPStatus.OK:
            return text
        if method == "POST" and status == HTTPStatus.UNPROCESSABLE_ENTITY:
            words = text[:_LONGEST_REASON].split()
            reason = "".join(sign for sign in " ".join(words) if sign.isprintable())
            raise Invalid(f"{entity} says: {reason}")
        raise Unavailable(entity, Outage.UNAVAILABLE, f"HTTP {status} at {path}")


async def _read(response: httpx.Response) -> str:
    octets = bytearray()
    async for chunk in response.aiter_raw():
        octets += chunk
        if len(octets) > MOST_OCTETS:
            raise httpx.DecodingError(f"more than {MOST_OCTETS} octets")
    return octets.decode()

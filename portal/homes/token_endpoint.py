"""Redeems codes at homes' token endpoints, over HTTP: bounded in time and size, and led nowhere
else (OpenID Connect Core 1.0 section 3.1.3)."""

import asyncio
import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

import httpx

from aaa.errors import Outage, Unavailable
from portal.homes.id_tokens import Flaw

_SECONDS: Final = 8.0
_MOST_OCTETS: Final = 32_768
_REFUSALS: Final = {HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}


class TokenEndpoint:
    """Asks any home; close it when done. ``seconds`` bounds each question as a whole."""

    def __init__(
        self, transport: httpx.AsyncBaseTransport | None = None, seconds: float = _SECONDS
    ) -> None:
        """``transport``: what carries the requests, in the place of the network."""
        self._seconds = seconds
        self._client = httpx.AsyncClient(
            timeout=seconds, follow_redirects=False, transport=transport
        )

    async def redeem(self, url: str, form: Mapping[str, str]) -> str | Flaw:
        """Return the ID token that a code is good for, unread, or why there is none. Raises
        Unavailable where the home cannot be reached, or has a trouble of its own."""
        try:
            async with (
                asyncio.timeout(self._seconds),
                self._client.stream("POST", url, data=dict(form)) as response,
            ):
                status = response.status_code
                content = await _read(response)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            detail = f"{type(error).__name__} {error}".strip()
            raise Unavailable("a home", Outage.UNAVAILABLE, detail) from None
        if content is None:
            return Flaw.TOO_LARGE
        if status == HTTPStatus.OK:
            token = _member(content, "id_token")
            return Flaw.NO_TOKEN if token is None else token
        if 300 <= status < 400:
            return Flaw.REDIRECTED
        if status in _REFUSALS:
            is_ours = _member(content, "error") == "invalid_client"
            return Flaw.CLIENT_REFUSED if is_ours else Flaw.CODE_REFUSED
        raise Unavailable("a home", Outage.UNAVAILABLE, f"HTTP {status}")

    async def close(self) -> None:
        """Let go of connections."""
        await self._client.aclose()


async def _read(response: httpx.Response) -> bytes | None:
    """Return the content, None where it is more than any token needs."""
    content = bytearray()
    async for chunk in response.aiter_bytes():
        content += chunk
        if len(content) > _MOST_OCTETS:
            return None
    return bytes(content)


def _member(content: bytes, name: str) -> str | None:
    """Return a text in a JSON object; None where there is none."""
    try:
        told: object = json.loads(content)
    except (ValueError, RecursionError):
        return None
    value = told.get(name) if isinstance(told, dict) else None
    return value if isinstance(value, str) else None

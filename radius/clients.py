"""Who may speak to us, and which of their flaws are tolerated.

A NAS is known by its address or network, or by a NAS-Identifier or Called-Station-Id behind an
address that others share; what it sends proves its secret.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from aaa.access_points import fold_identifier
from aaa.errors import Invalid, Unavailable
from aaa.model import MessageAuthenticatorRule
from aaa.secret import Secret
from aaa.snapshot import EMPTY, Directory, NasEntry, Snapshot
from radius.request import Address, Unanswered
from radius.wire.authenticator import (
    verify_access_request,
    verify_accounting_request,
    verify_dynamic_request,
)
from radius.wire.errors import AuthenticatorFlaw, BadAuthenticator, MalformedPacket
from radius.wire.hiding import unhide_password
from radius.wire.packet import Code, Packet

ProvenSecret = Callable[[NasEntry], Secret | None]
"""Returns the secret that a NAS last showed to have."""

_REFRESH_SECONDS: Final = 1.0
_ORDERS: Final = frozenset((Code.COA_REQUEST, Code.DISCONNECT_REQUEST))


@dataclass(frozen=True, slots=True)
class Identified:
    """The NAS that sent a packet, and the secret of its two that it used."""

    nas: NasEntry
    secret: Secret
    was_signed: bool


@dataclass(frozen=True, slots=True)
class Stranger:
    """A sender that is no NAS of ours, or could not prove that it is `nas`."""

    reason: Unanswered
    nas: NasEntry | None = None


class ClientIndex:
    """The NAS of one snapshot, found without looking at each."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._by_identifier = {nas.identifier: nas for nas in snapshot.nas if nas.identifier}
        self._by_network: dict[tuple[int, int], dict[int, NasEntry]] = {}
        for nas in snapshot.nas:
            if nas.network is not None and nas.identifier is None:
                network = nas.network
                shift = network.max_prefixlen - network.prefixlen
                key = int(network.network_address) >> shift
                self._by_network.setdefault((network.version, shift), {})[key] = nas
        # The longest prefix, which leaves the fewest bits to shift away, comes first.
        self._shifts = sorted(self._by_network)

    def candidates(self, address: Address, packet: Packet) -> Iterator[NasEntry]:
        """Yield who may have sent a packet: by identifier, then by the longest network.

        An identifier is the narrower word: it is given where an address says too little. A NAS
        that has both must be right in both.
        """
        if self._by_identifier:
            yield from self._named(address, packet)
        for version, shift in self._shifts:
            if version == address.version:
                found = self._by_network[version, shift].get(int(address) >> shift)
                if found is not None:
                    yield found
                    return

    def _named(self, address: Address, packet: Packet) -> Iterator[NasEntry]:
        for attribute in ("NAS-Identifier", "Called-Station-Id"):
            # Some end it with the NUL of their C string.
            text = (packet.attributes.text(attribute) or "").rstrip("\0")
            nas = self._by_identifier.get(fold_identifier(text)) if text else None
            if nas is not None and (nas.network is None or address in nas.network):
                yield nas


def identify(
    index: ClientIndex,
    packet: Packet,
    datagram: bytes,
    address: Address,
    now: datetime,
    proven_secret: ProvenSecret,
) -> Identified | Stranger:
    """Return who sent a packet, by the first candidate and secret that verify it.

    An Access-Request without Message-Authenticator proves nothing: then it is the first candidate
    under whose secret the password reads as text. Where there is no such password, it is the first
    candidate, by the secret that it last proved; before it has proven one, by the former, which a
    NAS has until the new one is entered there.
    """
    stranger = Stranger(Unanswered.UNKNOWN_NAS)
    unproven: list[Identified] = []
    for nas in index.candidates(address, packet):
        for secret in nas.secrets_at(now):
            try:
                was_signed = verify_request(datagram, packet, secret.reveal())
            except BadAuthenticator as error:
                if stranger.nas is None:
                    stranger = Stranger(_REASONS[error.flaw], nas)
                continue
            identified = Identified(nas, secret, was_signed)
            if was_signed or packet.code is not Code.ACCESS_REQUEST:
                return identified
            unproven.append(identified)
    if not unproven:
        return stranger
    for each in unproven:
        if hides_text(packet, each.secret):
            return each
    nas = unproven[0].nas
    of_first = [each for each in unproven if each.nas is nas]
    proven = proven_secret(nas)
    return next((each for each in of_first if each.secret == proven), of_first[-1])


def hides_text(packet: Packet, secret: Secret) -> bool:
    """Whether there is a User-Password that becomes printable text under a secret: then who sent
    it has that secret."""
    hidden = packet.attributes.octets("User-Password")
    if hidden is None:
        return False
    try:
        return reads_as_text(unhide_password(hidden, secret.reveal(), packet.authenticator))
    except MalformedPacket:
        return False


def reads_as_text(password: bytes) -> bool:
    """Whether a password is printable text. Under a wrong secret it becomes random octets, which
    next to never are printable UTF-8."""
    try:
        return password.decode().isprintable()
    except UnicodeDecodeError:
        return False


def broken_rule(nas: NasEntry, packet: Packet, was_signed: bool) -> Unanswered | None:
    """Return which rule against BlastRADIUS (CVE-2024-3596) an Access-Request breaks, if any.

    One without Message-Authenticator is refused where the NAS must sign; elsewhere one that also
    has a Proxy-State, which an attacker needs and a NAS that is no proxy never sends.
    """
    if was_signed or packet.code is not Code.ACCESS_REQUEST:
        return None
    if nas.message_authenticator is MessageAuthenticatorRule.REQUIRED:
        return Unanswered.MESSAGE_AUTHENTICATOR_MISSING
    if nas.limit_proxy_state and packet.attributes.has("Proxy-State"):
        return Unanswered.PROXY_STATE_UNSIGNED
    return None


class Clients:
    """The index of the directory's current snapshot, renewed when a stranger knocks."""

    def __init__(self, directory: Directory, proven_secret: ProvenSecret) -> None:
        self._directory = directory
        self._proven_secret = proven_secret
        self._snapshot = EMPTY
        self._index = ClientIndex(EMPTY)
        self._renewing = asyncio.Lock()
        self._renewed_at = float("-inf")

    def identify(
        self, packet: Packet, datagram: bytes, address: Address, now: datetime
    ) -> Identified | Stranger:
        """Return who sent a packet, as far as the snapshot at hand knows."""
        if self._directory.current is not self._snapshot:
            self._snapshot = self._directory.current
            self._index = ClientIndex(self._snapshot)
        return identify(self._index, packet, datagram, address, now, self._proven_secret)

    async def renew(self) -> None:
        """Have the snapshot show every NAS that was added before this call.

        However many ask, the database is asked once a second. Where it is away, or what it holds
        makes no snapshot, what we know stays as it is.
        """
        clock = asyncio.get_running_loop().time
        asked_at = clock()
        async with self._renewing:
            if self._renewed_at >= asked_at:
                return
            await asyncio.sleep(max(0.0, self._renewed_at + _REFRESH_SECONDS - clock()))
            self._renewed_at = clock()
            # Directory.run tells of both.
            with suppress(Unavailable, Invalid):
                await self._directory.refresh()


def is_host(nas: NasEntry) -> bool:
    """Whether a NAS' network is one address."""
    return nas.network is not None and nas.network.num_addresses == 1


def verify_request(datagram: bytes, packet: Packet, secret: bytes) -> bool:
    """Return whether a request has a Message-Authenticator. Raises BadAuthenticator where that, or
    the Request Authenticator of a packet whose code has one to verify, is wrong."""
    if packet.code in _ORDERS:
        return verify_dynamic_request(datagram, packet, secret)
    if packet.code is Code.ACCOUNTING_REQUEST:
        return verify_accounting_request(datagram, packet, secret)
    return verify_access_request(datagram, packet, secret)


_REASONS: Final = {
    AuthenticatorFlaw.REQUEST_AUTHENTICATOR: Unanswered.WRONG_SECRET,
    AuthenticatorFlaw.MESSAGE_AUTHENTICATOR: Unanswered.WRONG_SECRET,
    AuthenticatorFlaw.MISSING_MESSAGE_AUTHENTICATOR: Unanswered.MESSAGE_AUTHENTICATOR_MISSING,
}

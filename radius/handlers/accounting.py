"""Accounting-Request to event: what the NAS counted, in our words (RFC 2866, RFC 2869)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from aaa import citizens, devices, identifier, mac, session_owner
from aaa.accounting import OUR_OWN, Event, Kind, Origin
from aaa.database import Database
from aaa.errors import Invalid
from aaa.nas.registry import adapter
from aaa.policy import Denied
from aaa.recorder import Also, Recorder
from aaa.secret import Keyring
from aaa.snapshot import Directory, HotspotEntry
from monitoring import metrics
from monitoring.logging import RepeatedWarnings
from radius.handlers.reply import acknowledge
from radius.request import Clock, Reply, Request
from radius.wire.attributes import Attributes
from radius.wire.dictionary import DICTIONARY

_KINDS: Final = {1: Kind.START, 2: Kind.STOP, 3: Kind.INTERIM, 7: Kind.ON, 8: Kind.OFF}
# A clock further off than this was never set: the time of receipt is nearer to the truth.
_BELIEVABLE: Final = timedelta(days=1)
# A petabyte. What counts more is broken, and the sum of a day must fit 64 bits.
_MOST_OCTETS: Final = 1 << 50
_GIGAWORD: Final = 1 << 32
_OWNER_KEPT: Final = timedelta(minutes=10)
_NOBODY_KEPT: Final = timedelta(seconds=5)
_OWNERS: Final = 10_000


class AccountingHandler:
    """Records Accounting-Requests, and acknowledges each once it is durable."""

    def __init__(
        self, recorder: Recorder, owners: "SessionOwners", warnings: RepeatedWarnings
    ) -> None:
        self._recorder = recorder
        self._owners = owners
        self._warnings = warnings

    async def __call__(self, request: Request) -> Reply:
        """Return the Accounting-Response. Raises Unavailable where nothing could be recorded.

        What has no meaning here (Tunnel-Start, Failed, a session without its Acct-Session-Id) is
        acknowledged, since repeating it would help nobody, and counted as ignored.
        """
        kind = self._kind(request)
        if kind is not None:
            is_session = kind not in (Kind.ON, Kind.OFF)
            owner = await self._owners.owner(request) if is_session else NOBODY
            await self._recorder.record(event_of(request, kind, owner))
        return Reply(acknowledge(request))

    async def visit(
        self, request: Request, home_collectivity_id: int, also: Also | None = None
    ) -> Reply:
        """Return the same for a partner's citizen; `also` adds rows to its transaction."""
        kind = self._kind(request)
        if kind is not None:
            owner = Owner(None, None, home_collectivity_id)
            await self._recorder.record(event_of(request, kind, owner), also)
        return Reply(acknowledge(request))

    def _kind(self, request: Request) -> Kind | None:
        """Return what an Accounting-Request tells, or None, counted, where that is of no use."""
        kind = kind_of(request)
        if kind is None:
            metrics.accounting_events.labels("other", "ignored").inc()
            return None
        if request.text("Acct-Session-Id") is None and kind not in (Kind.ON, Kind.OFF):
            metrics.accounting_events.labels(kind.value, "ignored").inc()
            self._warnings.warn(
                "accounting without Acct-Session-Id",
                request.nas.name,
                request.received_at,
                remedy="sessions of this NAS cannot be told apart and are not recorded: "
                "update its firmware",
            )
            return None
        return kind


def kind_of(request: Request) -> Kind | None:
    """Return the kind of an Accounting-Request, None where it is none that is recorded."""
    status = request.packet.attributes.integer("Acct-Status-Type")
    return _KINDS.get(status) if status is not None else None


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose a session is, as far as is known: the citizen, and which of their devices; or the
    partner, by its collectivity, whose citizen it is."""

    citizen_id: int | None
    device_id: int | None
    home_collectivity_id: int | None = None


NOBODY: Final = Owner(None, None)


def event_of(request: Request, kind: Kind, owner: Owner) -> Event:
    """Return what an Accounting-Request tells. Pure."""
    attributes = request.packet.attributes
    upload, download = _octets(attributes, "Input"), _octets(attributes, "Output")
    view_point = attributes.integer("ChilliSpot-Acct-View-Point")
    if adapter(request.nas.vendor).is_input_download(view_point):
        upload, download = download, upload
    address = attributes.address("Framed-IP-Address") or attributes.address("Framed-IPv6-Address")
    counts_gigawords = attributes.has("Acct-Input-Gigawords") or attributes.has(
        "Acct-Output-Gigawords"
    )
    return Event(
        kind=kind,
        nas_id=request.nas.id,
        hotspot_id=request.hotspot.id,
        acct_session_id=request.text("Acct-Session-Id") or "",
        device_mac=request.device_mac or "",
        occurred_at=occurred_at(attributes, request.received_at),
        reported_at=reported_at(attributes, request.received_at),
        citizen_id=owner.citizen_id,
        device_id=owner.device_id,
        home_collectivity_id=owner.home_collectivity_id,
        origin=_origin(request),
        user_name=request.text("User-Name"),
        framed_address=str(address) if address else None,
        called_station_id=request.text("Called-Station-Id"),
        cui=request.text("Chargeable-User-Identity"),
        session_seconds=attributes.integer("Acct-Session-Time") or 0,
        upload_octets=upload,
        download_octets=download,
        counts_gigawords=counts_gigawords,
        terminate_cause=_terminate_cause(attributes),
    )


def _origin(request: Request) -> Origin:
    """Return where at a partner's a session is; at a NAS of ours there is nothing to tell."""
    if not request.nas.hotspot.collectivity.is_partner:
        return OUR_OWN
    return Origin(
        operator_name=request.text("Operator-Name") or "",
        nas_identifier=request.text("NAS-Identifier") or "",
        operator_nas_identifier=request.packet.attributes.octets("Operator-NAS-Identifier"),
    )


def occurred_at(attributes: Attributes, received_at: datetime) -> datetime:
    """Return when what an Accounting-Request tells of happened.

    That is its Event-Timestamp (RFC 2869 section 5.3), or else when the NAS first sent it; what is
    more than a day off is not believed.
    """
    stated = attributes.date("Event-Timestamp")
    if stated is not None and abs(received_at - stated) <= _BELIEVABLE:
        return stated
    return reported_at(attributes, received_at)


def reported_at(attributes: Attributes, received_at: datetime) -> datetime:
    """Return when the NAS first sent an Accounting-Request, by our clock: when it came, less its
    Acct-Delay-Time (RFC 2866 section 5.2); a delay of more than a day is not believed."""
    delay = timedelta(seconds=attributes.integer("Acct-Delay-Time") or 0)
    return received_at - delay if delay <= _BELIEVABLE else received_at


def _octets(attributes: Attributes, side: str) -> int:
    low = attributes.integer(f"Acct-{side}-Octets") or 0
    gigawords = attributes.integer(f"Acct-{side}-Gigawords") or 0
    return min(gigawords * _GIGAWORD + low, _MOST_OCTETS)


def _terminate_cause(attributes: Attributes) -> str | None:
    """The RFC's name in lower case ("user-request"), or the number of a cause without one."""
    number = attributes.integer("Acct-Terminate-Cause")
    if number is None:
        return None
    name = DICTIONARY.enum_name("Acct-Terminate-Cause", number)
    return name.lower() if name else str(number)


@dataclass(frozen=True, slots=True)
class _Found:
    owner: Owner
    forgotten_at: datetime


class SessionOwners:
    """Finds whose a session is: by the Class that we gave, else by what names them."""

    def __init__(
        self, database: Database, directory: Directory, keyring: Keyring, clock: Clock
    ) -> None:
        self._database = database
        self._directory = directory
        self._keyring = keyring
        self._clock = clock
        self._found: dict[tuple[int, str], _Found] = {}

    async def owner(self, request: Request) -> Owner:
        """Return whom an Accounting-Request belongs to. Raises Unavailable.

        Without our Class, the User-Name is asked for in the database, once in ten minutes; one
        that belongs to nobody soon again, for it may be somebody's who is signing up.
        """
        stated = session_owner.unseal(self._keyring, request.packet.attributes.octets("Class"))
        if stated is not None:
            return Owner(stated.citizen_id, stated.device_id)
        user_name = request.text("User-Name")
        if user_name is None:
            return NOBODY
        key = (request.hotspot.id, user_name)
        now = self._clock()
        found = self._found.get(key)
        if found is None or found.forgotten_at <= now:
            owner = await self._look_up(user_name, request.hotspot, now)
            if len(self._found) >= _OWNERS:
                self._found.clear()
            kept = _NOBODY_KEPT if owner is NOBODY else _OWNER_KEPT
            found = self._found[key] = _Found(owner, now + kept)
        return found.owner

    async def _look_up(self, user_name: str, hotspot: HotspotEntry, now: datetime) -> Owner:
        async with self._database.read("owner") as session:
            device_mac = mac.normalize(user_name)
            if device_mac is not None:
                device = await devices.by_mac(session, device_mac, now)
                if isinstance(device, Denied):
                    return NOBODY
                return Owner(device.citizen_id, device.id)
            try:
                nai = identifier.parse(user_name)
            except Invalid:
                return NOBODY
            citizen = await citizens.by_nai(
                session, self._directory.current, nai, hotspot.collectivity
            )
            return Owner(citizen.id, None) if citizen else NOBODY

"""Who may ask: partners that say of themselves that they are relying parties."""

from dataclasses import dataclass

from federation.directory import PartnerEntry, Partners
from federation.trust.description import Client


@dataclass(frozen=True, slots=True)
class KnownClient:
    """A partner as a client; `entity` is its client_id."""

    partner: PartnerEntry
    entity: str
    metadata: Client


def find(partners: Partners, client_id: str | None) -> KnownClient | None:
    """Return the client of a client_id; None where it is nobody's, or of a partner that is
    suspended."""
    partner = partners.by_entity.get(client_id or "")
    described = partner.described if partner else None
    if partner is None or not partner.is_active or described is None or described.client is None:
        return None
    return KnownClient(partner, described.entity, described.client)

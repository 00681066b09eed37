"""What has to be typed into a NAS, as commands show it."""

from dataclasses import dataclass
from ipaddress import ip_address
from typing import Annotated, Final
from urllib.parse import urlsplit

import typer

from aaa import access_points
from aaa.model import Nas
from aaa.nas import provisioning
from aaa.nas.provisioning import Setup
from aaa.secret import Secret
from aaa.settings import Settings
from deploy.commands import files
from deploy.commands.transaction import Transaction, look
from federation.trust import membership

ONLY_NOW: Final = (
    "A secret that is made is not shown again: `farandole nas rotate` makes a new one, "
    "`farandole nas change --uam-secret-file` takes another uamsecret."
)
EPILOG: Final = "Example: farandole nas setup aups-1"
# Whose access points do 802.1X, and have no portal of their own.
_SECURES: Final = "hostapd"
_AS_IT_IS: Final = "<as it is there>"


@dataclass(frozen=True, slots=True)
class Shown:
    """A secret as it is shown: in clear where it was made here, else not at all."""

    value: Secret
    is_made: bool

    @property
    def text(self) -> str:
        """What stands where the secret belongs."""
        return self.value.reveal().decode() if self.is_made else "<as in your file>"


def given_or_made(file: str | None) -> Shown:
    """Return the secret in a file, or a new one."""
    return (
        Shown(files.read_secret(file), is_made=False)
        if file
        else Shown(access_points.new_secret(), is_made=True)
    )


async def setup_of(
    transaction: Transaction, nas: Nas, secret: Shown | None, uam_secret: Shown | None
) -> Setup:
    """Return what has to be typed into a NAS; a secret that is None is known there."""
    settings = transaction.settings
    return Setup(
        nas_identifier=nas.identifier or nas.name,
        server=server_of(settings),
        auth_port=settings.radius.auth_port,
        acct_port=settings.radius.acct_port,
        coa_port=nas.coa_port or settings.radius.coa_port,
        portal_url=f"{settings.portal.public_url}/at/{nas.name}/",
        secret=secret.text if secret else _AS_IT_IS,
        uam_secret=uam_secret.text if uam_secret else _AS_IT_IS,
        home_hosts=tuple(await membership.page_hosts(transaction.session)),
    )


async def hosts_before(transaction: Transaction, vendor: str) -> list[str]:
    """Return the hosts that a NAS lets browsers through to before they are let in."""
    if not provisioning.has_pages_before(vendor):
        return []
    own = urlsplit(transaction.settings.portal.public_url).hostname or ""
    return list(dict.fromkeys((own, *await membership.page_hosts(transaction.session))))


def explain(name: str, vendor: str, setup: Setup) -> None:
    """Write what a NAS that was just registered has to be told."""
    typer.echo(f"NAS {name} is registered. Set it up with:\n")
    typer.echo(provisioning.configuration(vendor, setup))
    if vendor == _SECURES:
        typer.echo(f"For the secure network (802.1X): farandole nas secure {name}\n")
    typer.echo(ONLY_NOW)


def setup(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its short name.")],
) -> None:
    """Show again how to set up a NAS, its secrets left out: when a partner has joined, whose pages
    have to be reachable before log-in, or when ports or addresses of ours have changed."""

    async def work(transaction: Transaction) -> tuple[str, Setup]:
        nas = await access_points.by_name(transaction.session, name)
        return nas.vendor, await setup_of(transaction, nas, None, None)

    vendor, told = look(context, work)
    typer.echo(provisioning.configuration(vendor, told), nl=False)


def server_of(settings: Settings) -> str:
    """Return where a NAS asks."""
    address = settings.radius.address
    return "<address of this machine>" if ip_address(address).is_unspecified else address

"""`farandole nas`: RADIUS clients."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Any, Final

import typer
from sqlalchemy import select

from aaa import access_points
from aaa.errors import Invalid
from aaa.model import MessageAuthenticatorRule, Nas
from aaa.nas import provisioning, secure_network
from aaa.nas.provisioning import Setup
from aaa.nas.secure_network import Format, SecureNetwork
from aaa.secret import Secret
from aaa.settings import Settings
from aaa.snapshot import Snapshot
from deploy.commands import files, nas_radsec, nas_setup, noun
from deploy.commands.output import AsJson, show, show_json, show_rows
from deploy.commands.transaction import Transaction, change, look
from federation import partners

app = noun("nas")

Name = Annotated[str, typer.Argument(metavar="NAME", help="Its short name.")]
SecretFile = Annotated[
    str | None,
    typer.Option(metavar="FILE", help="The shared secret; - is standard input; else one is made."),
]

# Beside a portal's gateway, which takes 3799.
_SECOND_COA_PORT: Final = 3800
# ISO 639-2, as Passpoint wants it, of the languages that we speak.
_THREE_LETTERS: Final = {"fr": "fra", "it": "ita", "en": "eng"}
# What takes a value away, where there may be none.
_NONE: Final = "none"


@app.command(
    "add",
    epilog="Example: farandole nas add aups-1 --hotspot aups-mairie --vendor coovachilli "
    "--address 192.0.2.7",
)
def add(
    context: typer.Context,
    name: Name,
    hotspot: Annotated[str, typer.Option(metavar="SLUG", help="Where it stands.")],
    vendor: Annotated[str, typer.Option(help="Whose dialect it speaks; generic for any other.")],
    address: Annotated[
        str | None, typer.Option(metavar="CIDR", help="Where its packets come from.")
    ] = None,
    identifier: Annotated[
        str | None, typer.Option(help="Its NAS-Identifier or Called-Station-Id.")
    ] = None,
    secret_file: SecretFile = None,
    uam_secret_file: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Its uamsecret, which signs; else one is made."),
    ] = None,
    login_host: Annotated[
        str | None, typer.Option(metavar="HOST", help="Of its log-in page, if that is public.")
    ] = None,
    pap: Annotated[
        bool, typer.Option("--pap", help="It wants the ticket itself, not CHAP.")
    ] = False,
    coa_port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Where it takes Disconnect-Requests.")
    ] = None,
    message_authenticator: Annotated[
        MessageAuthenticatorRule, typer.Option(help="Must its requests be signed?")
    ] = MessageAuthenticatorRule.LEARN,
    as_json: AsJson = False,
) -> None:
    """Register a NAS; a server that runs serves it at once. A secret that is made is shown once."""
    secret = nas_setup.given_or_made(secret_file)
    uam_secret = None
    if uam_secret_file or provisioning.signs_redirects(vendor):
        uam_secret = nas_setup.given_or_made(uam_secret_file)

    async def work(transaction: Transaction) -> tuple[Setup, bool]:
        nas = await access_points.register(
            transaction.session,
            transaction.keyring,
            name=name,
            hotspot=hotspot,
            vendor=vendor,
            network=address,
            identifier=identifier,
            secret=secret.value,
            uam_secret=uam_secret.value if uam_secret else None,
            login_host=login_host,
            uses_pap=pap,
            coa_port=coa_port,
            now=transaction.now,
        )
        nas.message_authenticator = message_authenticator
        transaction.note("nas.add", f"nas:{name}", hotspot=hotspot, vendor=vendor)
        setup = await nas_setup.setup_of(transaction, nas, secret, uam_secret)
        return setup, transaction.settings.portal.is_out_of_reach

    setup, is_out_of_reach = change(context, work)
    if as_json:
        ports = {"auth_port": setup.auth_port, "acct_port": setup.acct_port}
        told = {"name": name, **ports, "portal_url": setup.portal_url}
        made = {"secret": secret, "uam_secret": uam_secret}
        show_json(told | {key: each.text for key, each in made.items() if each and each.is_made})
        return
    nas_setup.explain(name, vendor, setup)
    if is_out_of_reach:
        typer.echo(f"Note: no phone can reach {setup.portal_url}: set portal.public_url.")


@app.command("secure", epilog="Example: farandole nas secure aups-1 --format openwrt")
def secure(
    context: typer.Context,
    name: Name,
    format: Annotated[Format, typer.Option(help="Whose configuration file.")] = Format.HOSTAPD,
    secret_file: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="The shared secret, to fill it in; - is standard input."),
    ] = None,
) -> None:
    """Show how to set up the secure network (802.1X and Passpoint) on an access point.

    It is a NAS of its own: a gateway's portal takes Disconnect-Requests at the same port.
    """
    secret = files.read_secret(secret_file).reveal().decode() if secret_file else None

    async def work(transaction: Transaction) -> SecureNetwork:
        nas = await access_points.by_name(transaction.session, name)
        if provisioning.signs_redirects(nas.vendor):
            raise Invalid(_needs_its_own(name, transaction.snapshot))
        realms = await partners.whole_realms(transaction.session)
        told = _secure_network(transaction.settings, transaction.snapshot, name, realms)
        return replace(told, secret=secret) if secret else told

    typer.echo(secure_network.configuration(look(context, work), format), nl=False)


def _needs_its_own(name: str, snapshot: Snapshot) -> str:
    hotspot = snapshot.nas_by_name[name].hotspot.slug
    return (
        f"{name} is the gateway of a portal: register its secure network as a NAS of its own, "
        f"farandole nas add {name}-secure --hotspot {hotspot} --vendor hostapd "
        f"--identifier {name}-secure --coa-port {_SECOND_COA_PORT}"
    )


def _secure_network(
    settings: Settings, snapshot: Snapshot, name: str, partner_realms: Sequence[str]
) -> SecureNetwork:
    nas, federation = snapshot.nas_by_name[name], settings.federation
    own = nas.hotspot.collectivity
    realms = (own.realm, *sorted(snapshot.by_realm.keys() - {own.realm}))
    return SecureNetwork(
        ssid=federation.ssid,
        name=federation.name,
        place=nas.hotspot.name,
        language=_THREE_LETTERS.get(own.language, "eng"),
        nas_identifier=nas.identifier or nas.name,
        server=nas_setup.server_of(settings),
        auth_port=settings.radius.auth_port,
        acct_port=settings.radius.acct_port,
        coa_port=nas.coa_port or settings.radius.coa_port,
        secret="<the shared secret>",
        operator_realm=own.realm,
        realms=realms,
        roaming_consortiums=federation.roaming_consortium_list,
        partner_realms=tuple(partner_realms),
    )


app.command("radsec", epilog=nas_radsec.EPILOG)(nas_radsec.radsec)
app.command("setup", epilog=nas_setup.EPILOG)(nas_setup.setup)


@app.command("list")
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """List NAS."""

    async def work(transaction: Transaction) -> list[dict[str, Any]]:
        found = await transaction.session.scalars(select(Nas).order_by(Nas.name))
        return [_row(nas, transaction.snapshot) for nas in found]

    columns = ("name", "hotspot", "vendor", "network", "identifier", "last_seen_at")
    show_rows(look(context, work), columns, as_json)


@app.command("show")
def show_(context: typer.Context, name: Name, as_json: AsJson = False) -> None:
    """Show one NAS."""

    async def work(transaction: Transaction) -> dict[str, Any]:
        nas = await access_points.by_name(transaction.session, name)
        portal = f"{transaction.settings.portal.public_url}/at/{name}/"
        before = await nas_setup.hosts_before(transaction, nas.vendor)
        told = {"portal_url": portal, "reachable_before_log_in": before}
        return _row(nas, transaction.snapshot) | told

    show(look(context, work), as_json)


@app.command(
    "change",
    epilog="Example: farandole nas change aups-1 --address 192.0.2.8 --login-host none",
)
def change_(
    context: typer.Context,
    name: Name,
    hotspot: Annotated[str | None, typer.Option(metavar="SLUG", help="Where it stands.")] = None,
    address: Annotated[
        str | None, typer.Option(metavar="CIDR", help="Where its packets come from, or none.")
    ] = None,
    identifier: Annotated[
        str | None, typer.Option(help="Its NAS-Identifier or Called-Station-Id, or none.")
    ] = None,
    uam_secret_file: Annotated[
        str | None, typer.Option(metavar="FILE", help="Its uamsecret, which signs, or none.")
    ] = None,
    login_host: Annotated[
        str | None, typer.Option(metavar="HOST", help="Of its log-in page if public, or none.")
    ] = None,
    pap: Annotated[
        bool | None, typer.Option("--pap/--no-pap", help="It wants the ticket itself, not CHAP.")
    ] = None,
    coa_port: Annotated[
        str | None,
        typer.Option(metavar="PORT", help="Where it takes Disconnect-Requests, or none."),
    ] = None,
    message_authenticator: Annotated[
        MessageAuthenticatorRule | None,
        typer.Option(help="Must its requests be signed? learn begins anew."),
    ] = None,
) -> None:
    """Change a NAS; a server that runs serves it so at once. The word none takes a value away."""
    texts = {
        "network": address,
        "identifier": identifier,
        "login_host": login_host,
        "coa_port": coa_port,
        "uam_secret": uam_secret_file,
    }
    changes: dict[str, Any] = {
        key: None if text == _NONE else _READ.get(key, str)(text)
        for key, text in texts.items()
        if text is not None
    }
    stated = {
        "hotspot": hotspot,
        "uses_pap": pap,
        "message_authenticator": message_authenticator,
    }
    changes |= {key: value for key, value in stated.items() if value is not None}
    if not changes:
        raise Invalid("say what shall be different: `farandole nas change --help` lists it")

    async def work(transaction: Transaction) -> None:
        nas = await access_points.by_name(transaction.session, name)
        await access_points.change(transaction.session, transaction.keyring, nas, **changes)
        told = {
            key: str(value) if isinstance(value, Secret) else value
            for key, value in changes.items()
        }
        transaction.note("nas.change", f"nas:{name}", **told)

    change(context, work)
    typer.echo(f"NAS {name} is changed.")


def _port(text: str) -> int:
    if not (text.isdecimal() and len(text) < 6 and 0 < int(text) < 65536):
        raise Invalid(f"“{text}” is no port: write a number from 1 to 65535, or {_NONE}")
    return int(text)


_READ: Final[dict[str, Callable[[str], object]]] = {
    "coa_port": _port,
    "uam_secret": files.read_secret,
}


@app.command("rotate", epilog="Example: farandole nas rotate aups-1 --overlap-hours 24")
def rotate(
    context: typer.Context,
    name: Name,
    secret_file: SecretFile = None,
    overlap_hours: Annotated[
        int, typer.Option(min=0, max=8760, help="How long the former secret stays valid.")
    ] = 72,
    as_json: AsJson = False,
) -> None:
    """Give a NAS a new secret; the former one stays valid for a while."""
    secret = nas_setup.given_or_made(secret_file)

    async def work(transaction: Transaction) -> tuple[str, Setup]:
        nas = await access_points.by_name(transaction.session, name)
        overlap = timedelta(hours=overlap_hours)
        await access_points.rotate_secret(
            transaction.session, transaction.keyring, nas, secret.value, overlap, transaction.now
        )
        transaction.note("nas.rotate", f"nas:{name}", overlap_hours=overlap_hours)
        return nas.vendor, await nas_setup.setup_of(transaction, nas, secret, None)

    vendor, setup = change(context, work)
    if as_json:
        show_json({"name": name} | ({"secret": secret.text} if secret.is_made else {}))
        return
    typer.echo(f"NAS {name} has a new secret; for {overlap_hours} hours the former is taken too.")
    typer.echo(f"Change these lines there:\n\n{provisioning.configured_secret(vendor, setup)}")
    typer.echo(nas_setup.ONLY_NOW)


@app.command("remove")
def remove(context: typer.Context, name: Name) -> None:
    """Remove a NAS that has had no session, with the tickets issued for it."""

    async def work(transaction: Transaction) -> None:
        nas = await access_points.by_name(transaction.session, name)
        await access_points.remove(transaction.session, nas)
        transaction.note("nas.remove", f"nas:{name}")

    change(context, work)
    typer.echo(f"NAS {name} is removed.")


def _row(nas: Nas, snapshot: Snapshot) -> dict[str, Any]:
    return {
        "name": nas.name,
        "hotspot": snapshot.hotspots[nas.hotspot_id].slug,
        "vendor": nas.vendor,
        "network": nas.network,
        "identifier": nas.identifier,
        "login_host": nas.login_host,
        "uses_pap": nas.uses_pap,
        "has_uam_secret": nas.uam_secret is not None,
        "coa_port": nas.coa_port,
        "message_authenticator": nas.message_authenticator,
        "signed_requests": nas.signed_requests,
        "former_secret_until": nas.former_secret_until,
        "last_seen_at": nas.last_seen_at,
        "created_at": nas.created_at,
    }

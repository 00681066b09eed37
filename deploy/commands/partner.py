"""`farandole partner`: other organisations that run their own service."""

from dataclasses import replace
from typing import Annotated

import typer

from aaa.errors import Invalid
from deploy.commands import (
    noun,
    partner_contract,
    partner_discovery,
    partner_joining,
    partner_listing,
    partner_setup,
    partner_terms,
)
from deploy.commands.output import AsJson, show_json
from deploy.commands.partner_terms import Shared
from deploy.commands.transaction import Transaction, change, look
from federation import partners
from federation.model import Proof
from federation.provisioning import Format, Setup
from federation.stand_ins import Place
from federation.trust import membership

app = noun("partner")

Name = Annotated[str, typer.Argument(metavar="NAME", help="Its short name.")]
Realms = Annotated[
    list[str],
    typer.Option("--realm", metavar="PATTERN", help="village.example, *.example, or * for others."),
]
Homes = Annotated[
    list[str] | None,
    typer.Option("--home", metavar="URL", help="Where to ask: udp://HOST[:PORT] or tls://..."),
]
Discover = Annotated[
    str | None,
    typer.Option(metavar="SERVICE", help="Look its servers up in DNS: aaa+auth:radius.tls.tcp."),
]
Home = Annotated[str, typer.Argument(metavar="URL", help="udp://HOST[:PORT] or tls://...")]
SecretFile = Annotated[
    str | None,
    typer.Option(metavar="FILE", help="UDP: the shared secret; - is standard input; else made."),
]
Anchor = Annotated[
    str | None, typer.Option(metavar="FILE", help="TLS: the roots that sign its certificate.")
]
CertificateName = Annotated[
    str | None, typer.Option(metavar="DNS", help="TLS: the name in that; else the host.")
]
Fingerprint = Annotated[
    str | None, typer.Option(metavar="SHA256", help="TLS: of its certificate, without a root.")
]
AccountingPort = Annotated[
    int | None, typer.Option(min=1, max=65535, help="UDP: where accounting goes; else port + 1.")
]
CoaPort = Annotated[
    int | None,
    typer.Option(
        min=1, max=65535, help="Where it takes CoA and Disconnect; else UDP 3799, or all over TLS."
    ),
]
From = Annotated[
    str | None, typer.Option("--from", metavar="CIDR", help="UDP: where it sends to us from.")
]
FromSecretFile = Annotated[
    str | None, typer.Option(metavar="FILE", help="UDP: the secret of that; else the same.")
]
FromCertificateName = Annotated[
    str | None,
    typer.Option(metavar="DNS", help="TLS: the name it connects to us with; * for any."),
]
FromPolicy = Annotated[
    str | None, typer.Option(metavar="OID", help="TLS: a policy that what it connects with has.")
]
FromAnchor = Annotated[
    str | None, typer.Option(metavar="FILE", help="TLS: the root of that; else --anchor.")
]
FromFingerprint = Annotated[
    str | None, typer.Option(metavar="SHA256", help="TLS: of what it connects with.")
]
Title = Annotated[str, typer.Option(metavar="TEXT", help="The name that people read.")]
Country = Annotated[str, typer.Option(help="Two letters, ISO 3166.")]
Language = Annotated[str, typer.Option(help="Of what is written about it.")]
Timezone = Annotated[str, typer.Option(help="For days there.")]


@app.command(
    "add",
    epilog="Example: farandole partner add liguria --title 'Regione Liguria' --realm "
    "liguria.example --home tls://radius.liguria.example --anchor liguria-root.pem "
    "--from-certificate-name radius.liguria.example --country IT --language it",
)
def add(
    context: typer.Context,
    name: Name,
    title: Title,
    realm: Realms,
    home: Homes = None,
    discover: Discover = None,
    proof: partner_discovery.ProofOption = Proof.REALM,
    policy: partner_discovery.Policies = None,
    secret_file: SecretFile = None,
    anchor: Anchor = None,
    certificate_name: CertificateName = None,
    fingerprint: Fingerprint = None,
    accounting_port: AccountingPort = None,
    coa_port: CoaPort = None,
    from_network: From = None,
    from_secret_file: FromSecretFile = None,
    from_certificate_name: FromCertificateName = None,
    from_anchor: FromAnchor = None,
    from_fingerprint: FromFingerprint = None,
    from_policy: FromPolicy = None,
    country: Country = "FR",
    language: Language = "fr",
    timezone: Timezone = "Europe/Paris",
    as_json: AsJson = False,
) -> None:
    """Add a partner: its citizens log in at our hotspots at once, and ours at its with --from...

    Servers are asked in the order in which they are given. RADIUS over UDP hides little: use it
    inside a VPN only. What the partner's people have to set up is shown.
    """
    homes = home or []
    shared = _shared(secret_file, from_network, homes)
    shown = partner_terms.read_proof(anchor, certificate_name, fingerprint)
    ports = partner_terms.Ports(accounting_port, coa_port)
    servers = [
        partner_terms.read_home(url, shared, shown, ports, priority)
        for priority, url in enumerate(homes)
    ]
    terms = partner_discovery.read_terms(discover, anchor, proof, policy) if discover else None
    theirs = partner_terms.read_shared(from_secret_file) if from_secret_file else shared
    came = (from_anchor or anchor, from_certificate_name, from_fingerprint, from_policy)
    sender = partner_terms.read_sender(from_network, theirs, partner_terms.read_origin(*came))
    place = Place(title, country, language, timezone)

    async def work(transaction: Transaction) -> Setup:
        await partners.add(
            transaction.session,
            transaction.keyring,
            name=name,
            place=place,
            realms=realm,
            servers=servers,
            discovery=terms,
            sender=sender,
            now=transaction.now,
        )
        addresses = [server.address for server in servers]
        transaction.note("partner.add", f"partner:{name}", realms=realm, servers=addresses)
        return await partner_setup.setup(transaction, name)

    setup = partner_setup.with_secrets(change(context, work), shared, theirs)
    made = shared is not None and shared.is_made
    if as_json:
        told = {"name": name, **partner_setup.told(setup)}
        show_json(told | ({"secret": setup.secret} if made else {}))
        return
    if discover and not homes:
        partner_discovery.explain(name)
        return
    _explain(name, setup)
    if made:
        typer.echo("The secret is not shown again: keep the lines above.")


def _explain(name: str, setup: Setup) -> None:
    """Write what the people of a partner that was just added have to set up."""
    typer.echo(f"Partner {name} is added. Its citizens can log in at our hotspots.\n")
    partner_setup.explain(setup, Format.FREERADIUS)
    typer.echo(f"\nFor radsecproxy: farandole partner setup {name} --format radsecproxy")


def _shared(file: str | None, network: str | None, homes: list[str]) -> Shared | None:
    """Return the secret where anything goes over UDP; raise Invalid where it is for nothing."""
    if network is not None or any(map(partner_terms.is_udp, homes)):
        return partner_terms.read_shared(file)
    if file is not None:
        raise Invalid("over TLS there is no secret to share: leave --secret-file out")
    return None


@app.command("setup", epilog="Example: farandole partner setup liguria --format radsecproxy")
def setup_(
    context: typer.Context,
    name: Name,
    format: Annotated[Format, typer.Option(help="Whose configuration.")] = Format.FREERADIUS,
    as_json: AsJson = False,
) -> None:
    """Show what the partner's people have to set up, without secrets."""

    async def work(transaction: Transaction) -> Setup:
        return await partner_setup.setup(transaction, name)

    setup = look(context, work)
    if as_json:
        show_json({"name": name, **partner_setup.told(setup)})
        return
    partner_setup.explain(setup, format)


app.command("list")(partner_listing.list_)
app.command("show")(partner_listing.show_)
app.command(
    "invite", epilog="Example: farandole partner invite --name liguria --realm liguria.example"
)(partner_joining.invite)
app.command("accept", epilog="Example: farandole partner accept --code-file invitation.txt")(
    partner_joining.accept
)
app.command("contract", epilog=partner_contract.EPILOG)(partner_contract.contract)
app.command("discover", epilog=partner_discovery.EPILOG)(partner_discovery.discover)
app.command("stop-discovering")(partner_discovery.stop_discovering)
app.command("dns", epilog=partner_discovery.DNS_EPILOG)(partner_discovery.dns)
app.command("invitations")(partner_joining.list_invitations)
app.command("uninvite")(partner_joining.uninvite)
app.command("rotate")(partner_joining.rotate)
app.command(
    "canary",
    epilog="Example: farandole partner canary liguria --identity canary@liguria.example "
    "--secret-file -",
)(partner_joining.set_canary)


@app.command(
    "change",
    epilog="Example: farandole partner change liguria --add-realm genova.example "
    "--from 192.0.2.8 --from-secret-file secret.txt",
)
def change_(
    context: typer.Context,
    name: Name,
    title: Annotated[
        str | None, typer.Option(metavar="TEXT", help="The name that people read.")
    ] = None,
    add_realm: Annotated[
        list[str] | None, typer.Option(metavar="PATTERN", help="One more realm.")
    ] = None,
    remove_realm: Annotated[
        list[str] | None, typer.Option(metavar="PATTERN", help="One realm less.")
    ] = None,
    from_network: From = None,
    from_secret_file: FromSecretFile = None,
    from_certificate_name: FromCertificateName = None,
    from_anchor: FromAnchor = None,
    from_fingerprint: FromFingerprint = None,
    from_policy: FromPolicy = None,
) -> None:
    """Change a partner; a server that runs knows within a second.

    The --from options replace all that was said of where it sends from. Servers to ask are changed
    by add-server and remove-server.
    """
    came = (from_anchor, from_certificate_name, from_fingerprint, from_policy)
    given = partner_terms.read_origin(*came)
    secret = partner_terms.read_shared(from_secret_file) if from_secret_file else None
    sender = partner_terms.read_sender(from_network, secret, given)
    changes = {
        "title": title,
        "added": add_realm,
        "removed": remove_realm,
        "sends_from": from_network or from_certificate_name or from_fingerprint,
    }
    if not any(changes.values()):
        raise Invalid("say what shall be different: `farandole partner change --help` lists it")

    async def work(transaction: Transaction) -> None:
        session = transaction.session
        partner = await partners.by_name(session, name)
        if title is not None:
            place = replace(await partners.place_of(session, partner), title=title)
            await partners.change_place(session, partner, place)
        if add_realm or remove_realm:
            realms = {"added": add_realm or [], "removed": remove_realm or []}
            await partners.change_realms(session, partner, **realms)
        if sender is not None:
            now = transaction.now
            await partners.change_sender(session, transaction.keyring, partner, sender, now)
        told = {key: value for key, value in changes.items() if value}
        transaction.note("partner.change", f"partner:{name}", **told)

    change(context, work)
    typer.echo(f"Partner {name} is changed.")


@app.command(
    "add-server",
    epilog="Example: farandole partner add-server liguria udp://192.0.2.9 --secret-file secret.txt",
)
def add_server(
    context: typer.Context,
    name: Name,
    home: Home,
    secret_file: Annotated[
        str | None, typer.Option(metavar="FILE", help="UDP: the shared secret; - is standard input")
    ] = None,
    anchor: Anchor = None,
    certificate_name: CertificateName = None,
    fingerprint: Fingerprint = None,
    accounting_port: AccountingPort = None,
    coa_port: CoaPort = None,
    priority: Annotated[
        int, typer.Option(min=0, max=1000, help="The lowest is asked first; equal ones share.")
    ] = 0,
) -> None:
    """Add a server to ask for the partner's citizens."""
    shared = partner_terms.read_shared(secret_file) if secret_file else None
    proof = partner_terms.read_proof(anchor, certificate_name, fingerprint)
    ports = partner_terms.Ports(accounting_port, coa_port)
    server = partner_terms.read_home(home, shared, proof, ports, priority)

    async def work(transaction: Transaction) -> None:
        partner = await partners.by_name(transaction.session, name)
        await partners.add_server(transaction.session, transaction.keyring, partner, server)
        transaction.note("partner.add_server", f"partner:{name}", server=server.address)

    change(context, work)
    typer.echo(f"Partner {name} is asked at {server.address}, too.")


@app.command("remove-server")
def remove_server(context: typer.Context, name: Name, home: Home) -> None:
    """Ask a server of a partner no more."""
    address = partner_terms.read_address(home)

    async def work(transaction: Transaction) -> None:
        partner = await partners.by_name(transaction.session, name)
        await partners.remove_server(transaction.session, partner, address)
        transaction.note("partner.remove_server", f"partner:{name}", server=address)

    change(context, work)
    typer.echo(f"Partner {name} is not asked at {address} any more.")


@app.command("suspend")
def suspend(context: typer.Context, name: Name) -> None:
    """Send a partner nothing and refuse what it sends, within a second; nothing is lost."""

    async def work(transaction: Transaction) -> None:
        partner = await partners.by_name(transaction.session, name)
        await partners.suspend(transaction.session, partner)
        transaction.note("partner.suspend", f"partner:{name}")

    change(context, work)
    typer.echo(
        f"Partner {name} is suspended. Its citizens who are online here stay so until their "
        f"session ends; accounting waits. `farandole partner resume {name}` ends it."
    )


@app.command("resume")
def resume(context: typer.Context, name: Name) -> None:
    """End the suspension of a partner."""

    async def work(transaction: Transaction) -> None:
        partner = await partners.by_name(transaction.session, name)
        await partners.resume(transaction.session, partner)
        transaction.note("partner.resume", f"partner:{name}")

    change(context, work)
    typer.echo(f"Partner {name} is active.")


@app.command("remove")
def remove(
    context: typer.Context,
    name: Name,
    discard_accounting: Annotated[
        bool, typer.Option("--discard-accounting", help="Forget what waits for its home.")
    ] = False,
) -> None:
    """Remove a partner; what sessions on record name of it stays until they pass retention."""

    async def work(transaction: Transaction) -> bool:
        partner = await partners.by_name(transaction.session, name)
        discarded = 0
        if discard_accounting:
            discarded = await partners.discard_accounting(transaction.session, partner)
        await membership.end(transaction.session, partner, transaction.now)
        is_gone = await partners.remove(transaction.session, partner)
        transaction.note("partner.remove", f"partner:{name}", discarded=discarded)
        return is_gone

    is_gone = change(context, work)
    typer.echo(f"Partner {name} is removed.")
    if not is_gone:
        typer.echo(
            "Sessions on record name it: its place stays for them, with no way in. Added again "
            "under this name, it takes that up."
        )

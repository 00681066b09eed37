"""`farandole ca`: the authority that signs for the server and for devices."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any, Final

import typer
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from aaa.errors import Invalid
from aaa.model import Authority, ServerCertificate
from aaa.pki import authority, contents, identity, revocation
from deploy.commands import noun
from deploy.commands.output import AsJson, show_json, show_rows
from deploy.commands.transaction import Transaction, change, look

app = noun("ca")

_YOUNG: Final = timedelta(days=365)


@app.command("show")
def show_(context: typer.Context, as_json: AsJson = False) -> None:
    """Show roots and server certificate: dates, fingerprints."""

    async def work(transaction: Transaction) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
        roots = await authority.listed(transaction.session)
        server = await identity.server_certificate(transaction.session)
        return [_root(each) for each in roots], _server(server, roots) if server else None

    roots, server = look(context, work)
    if as_json:
        show_json({"authorities": roots, "server": server})
        return
    if not roots:
        typer.echo("There is no authority yet: the service makes one when it starts.")
        return
    rows = [{"what": f"root {root['id']}", "signed_by": "itself", **root} for root in roots]
    if server is not None:
        rows.append({"what": "server", **server, "name": ", ".join(server["names"])})
    show_rows(rows, ("what", "name", "signed_by", "valid_from", "expires_at", "sha256"), False)


def _root(row: Authority) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": contents.name_of(row.certificate),
        "valid_from": row.valid_from,
        "expires_at": row.expires_at,
        "sha256": contents.fingerprint(row.certificate),
    }


def _server(row: ServerCertificate, roots: Sequence[Authority]) -> dict[str, Any]:
    return {
        "names": row.names,
        "signed_by": f"root {row.authority_id}",
        "valid_from": row.valid_from,
        "expires_at": row.expires_at,
        "sha256": contents.fingerprint(row.certificate),
    }


@app.command("renew", epilog="Example: farandole ca renew --authority")
def renew(
    context: typer.Context,
    next_root: Annotated[
        bool,
        typer.Option("--authority", help="Make the next root, beside those there are."),
    ] = False,
    is_sure: Annotated[
        bool, typer.Option("--yes", help="Even where the newest root is not a year old.")
    ] = False,
) -> None:
    """Give the server a new certificate now, or make a root.

    The service does both by itself: a certificate 30 days before the end of the last, a root five
    years before. The certificate keeps every name that it ever had; the first call makes both.
    """
    if next_root and not is_sure:
        look(context, _forbid_haste)
    typer.echo(change(context, _renew_authority if next_root else _renew_server))


async def _forbid_haste(transaction: Transaction) -> None:
    """Refuse a root that most likely is a mistake: it stays in every profile for its life."""
    roots = await authority.listed(transaction.session)
    if roots and roots[-1].valid_from > transaction.now - _YOUNG:
        raise Invalid(
            f"root {roots[-1].id} is of {roots[-1].valid_from:%Y-%m-%d} only, and a root stays in "
            "every profile until it expires: if you are sure, say --yes"
        )


async def _renew_server(transaction: Transaction) -> str:
    session, keyring, now = transaction.session, transaction.keyring, transaction.now
    name = transaction.settings.server_name
    if not await authority.listed(session):
        await _renew_authority(transaction)
    made = await authority.renew_server(session, keyring, names=[name], now=now)
    transaction.note("ca.renew", f"server:{name}")
    return (
        f"The server is {' and '.join(made.names)} until {made.expires_at:%Y-%m-%d}, "
        f"signed by root {made.authority_id}. A service that runs shows it at once; "
        "no profile has to be installed anew."
    )


async def _renew_authority(transaction: Transaction) -> str:
    session, keyring, now = transaction.session, transaction.keyring, transaction.now
    former = [root for root in await authority.listed(session) if root.expires_at > now]
    name = transaction.settings.federation.name
    made = await authority.renew_authority(session, keyring, federation_name=name, now=now)
    transaction.note("ca.renew", f"authority:{made.id}")
    told = (
        f"Root {made.id} is “{contents.name_of(made.certificate)}”, "
        f"until {made.expires_at:%Y-%m-%d}. Profiles installed from now on trust it"
    )
    if not former:
        return told + "."
    return (
        f"{told} beside the former, and it signs what devices get.\n"
        f"The server keeps a certificate of root {former[0].id}, which ends on "
        f"{former[0].expires_at:%Y-%m-%d}, until a year before that: till then, no profile has to "
        "be installed anew.\n"
        "What former roots signed stays valid. Back the database up: the keys are in it, sealed."
    )


@app.command("export", epilog="Example: farandole ca export > farandole-ca.pem")
def export(context: typer.Context) -> None:
    """Write the roots that are valid, as PEM.

    It is what `ca_cert` of wpa_supplicant takes, and `ca_file` of a FreeRADIUS beside us.
    """

    async def work(transaction: Transaction) -> str:
        roots = await _valid_roots(transaction)
        return "".join(contents.pem(root.certificate) for root in roots)

    typer.echo(look(context, work), nl=False)


@app.command("crl", epilog="Example: farandole ca crl > farandole-crl.pem")
def crl(context: typer.Context) -> None:
    """Write the revocation lists, as PEM, good for seven days.

    Our own RADIUS server needs none: it looks into the database at each log-in. The portal serves
    each list as DER at the address that certificates of devices name.
    """

    async def work(transaction: Transaction) -> list[bytes | None]:
        return [
            await revocation.revocation_list(
                transaction.session, transaction.keyring, root.id, transaction.now
            )
            for root in await _valid_roots(transaction)
        ]

    for found in look(context, work):
        if found is not None:
            pem = x509.load_der_x509_crl(found).public_bytes(Encoding.PEM)
            typer.echo(pem.decode(), nl=False)


async def _valid_roots(transaction: Transaction) -> Sequence[Authority]:
    roots = await authority.listed(transaction.session)
    valid = [root for root in roots if root.expires_at > transaction.now]
    if not valid:
        raise Invalid("there is no root yet: start the service, or use `farandole ca renew`")
    return valid


@app.command("revoke", epilog="Example: farandole ca revoke 5A3F61C0D2")
def revoke(
    context: typer.Context,
    serial: Annotated[
        str, typer.Argument(metavar="SERIAL", help="As openssl and the list show it.")
    ],
) -> None:
    """Revoke one certificate: its next log-in is refused."""

    async def work(transaction: Transaction) -> None:
        number = serial.replace(":", "").upper()
        if not await revocation.revoke(transaction.session, number, transaction.now):
            raise Invalid(f"no valid certificate of a device has the serial number {number}")
        transaction.note("ca.revoke", f"certificate:{number}")

    change(context, work)
    typer.echo(
        "It is revoked. Who is online by it stays so: `farandole session disconnect` ends it."
    )

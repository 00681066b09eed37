"""`farandole nas radsec`: the certificate that a NAS connects with over TLS (RFC 6614)."""

from pathlib import Path
from typing import Annotated, Any, Final

import typer

from aaa import access_points
from aaa.errors import Invalid
from aaa.pki import authority, peers
from aaa.pki.peers import PeerCertificate
from aaa.snapshot import RadsecPeerEntry
from deploy.commands import files, partner_terms
from deploy.commands.output import AsJson, show
from deploy.commands.transaction import Transaction, change

EPILOG: Final = (
    "Example: farandole nas radsec aups-1 --issue ./aups-1 ; farandole nas radsec aups-1 "
    "--certificate-name aups-1.partner.example --anchor root.pem"
)


def radsec(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The NAS.")],
    issue: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Make it a certificate, into new files.")
    ] = None,
    certificate_name: Annotated[
        str | None, typer.Option(metavar="DNS", help="The DNS name in the certificate it has.")
    ] = None,
    anchor: Annotated[
        str | None, typer.Option(metavar="FILE", help="The root that signs that.")
    ] = None,
    fingerprint: Annotated[
        str | None, typer.Option(metavar="SHA256", help="Of the certificate it has.")
    ] = None,
    none: Annotated[bool, typer.Option("--none", help="It may not connect over TLS.")] = False,
    keep_former: Annotated[
        bool, typer.Option("--keep-former", help="What it connected with so far stays good.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say by which certificate a NAS connects over TLS, or make it one; from then on, at once."""
    ways = (issue, certificate_name, fingerprint, none or None)
    if sum(way is not None for way in ways) != 1:
        raise Invalid(
            "give one of --issue DIR, --certificate-name DNS with --anchor FILE, "
            "--fingerprint SHA256, and --none"
        )
    proof = partner_terms.read_proof(anchor, certificate_name, fingerprint)
    sender = partner_terms.read_sender(None, None, proof)

    async def work(transaction: Transaction) -> dict[str, Any]:
        nas = await access_points.by_name(transaction.session, name)
        known = transaction.snapshot.nas_by_id[nas.id]
        if known.hotspot.collectivity.is_partner:
            raise Invalid(f"NAS “{name}” is a partner's: `farandole partner change {name} --from…`")
        expected = [*(known.radsec_peers if keep_former else ()), *(sender.peers if sender else ())]
        told: dict[str, Any] = {"name": name}
        if issue is not None:
            issued = await _issue(transaction, name, issue)
            expected.append(RadsecPeerEntry(None, None, issued.fingerprint))
            settings = transaction.settings
            told |= {
                "directory": issue,
                "expires_at": issued.expires_at,
                "server": f"{settings.radsec_name}:{settings.radius.radsec_port}",
            }
        await access_points.expect_certificates(transaction.session, nas, expected)
        certificates = list(dict.fromkeys(peer.name or peer.fingerprint for peer in expected))
        transaction.note("nas.radsec", f"nas:{name}", certificates=certificates)
        return told | {"certificates": certificates}

    show(change(context, work), as_json)


async def _issue(transaction: Transaction, name: str, directory: Path) -> PeerCertificate:
    """Make a certificate, and write it, its key and our roots to new files."""
    session, keyring, settings = transaction.session, transaction.keyring, transaction.settings
    # Before the service has ever run there is nobody to sign it.
    await authority.ensure(
        session,
        keyring,
        names=[settings.server_name],
        federation_name=settings.federation.name,
        now=transaction.now,
    )
    made = await peers.issue(session, keyring, f"{name}.{settings.radsec_name}", transaction.now)
    anchors = [each.certificate for each in await authority.listed(session)]
    files.write_new(
        directory,
        {
            "key.pem": files.key_pem(made.key),
            "certificate.pem": files.certificate_pem(made.certificate),
            "ca.pem": b"".join(map(files.certificate_pem, anchors)),
        },
    )
    return made

"""`farandole packet`: RADIUS packets, read by people."""

import re
from typing import Annotated, Final

import typer

from aaa.errors import Invalid
from aaa.secret import Secret
from deploy.commands import files, noun
from deploy.commands.output import AsJson, show_json
from radius.wire import authenticator
from radius.wire.dump import dump, shown
from radius.wire.errors import BadAuthenticator, MalformedPacket
from radius.wire.packet import Code, Packet, parse

app = noun("packet")

_MOST_OCTETS: Final = 65_536
_SPACING: Final = re.compile(r"0x|[\s:,]")
_VERIFIERS: Final = {
    Code.ACCESS_REQUEST: authenticator.verify_access_request,
    Code.STATUS_SERVER: authenticator.verify_access_request,
    Code.ACCOUNTING_REQUEST: authenticator.verify_accounting_request,
    Code.DISCONNECT_REQUEST: authenticator.verify_dynamic_request,
    Code.COA_REQUEST: authenticator.verify_dynamic_request,
}


@app.command("decode", epilog="Example: farandole packet decode capture.hex --secret-file secret")
def decode(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="Its octets in hexadecimal; - is standard input.")
    ] = "-",
    secret_file: Annotated[
        str | None, typer.Option(metavar="FILE", help="The shared secret, to verify a request.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show a packet, attribute by attribute; passwords stay hidden.

    With a secret the exit status is 1 where the packet was not made with it.
    """
    datagram = _octets(files.read_text(file, _MOST_OCTETS))
    try:
        packet = parse(datagram)
    except MalformedPacket as error:
        raise Invalid(f"this is no RADIUS packet: {error}") from None
    flaw = _flaw(datagram, packet, files.read_secret(secret_file)) if secret_file else None
    if as_json:
        show_json(
            {
                "code": packet.code.rfc_name,
                "identifier": packet.identifier,
                "authenticator": packet.authenticator.hex(),
                "attributes": shown(packet.attributes),
            }
        )
    else:
        typer.echo(dump(packet))
    if flaw is not None:
        raise Invalid(f"it was not made with this secret: {flaw}")


def _flaw(datagram: bytes, packet: Packet, secret: Secret) -> str | None:
    """Return what is wrong with a request's proof of the secret, None where it is right."""
    verify = _VERIFIERS.get(packet.code)
    if verify is None:
        raise Invalid("a reply can only be verified beside its request: leave the secret out")
    try:
        verify(datagram, packet, secret.reveal())
    except BadAuthenticator as error:
        return str(error)
    return None


def _octets(text: str) -> bytes:
    try:
        return bytes.fromhex(_SPACING.sub("", text))
    except ValueError:
        raise Invalid("this is not hexadecimal: write octets like 01 2a 00 14 ...") from None

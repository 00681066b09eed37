"""`farandole device`: what citizens connect with, and what each proves itself by."""

import secrets
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from aaa import devices, mac
from aaa.citizens import CitizenRecord
from aaa.devices import DeviceView
from aaa.errors import Invalid
from aaa.pki import authority
from aaa.pki import devices as certificates
from aaa.pki.devices import IssuedCertificate
from aaa.secret import Secret
from aaa.wifi_secrets import WifiSecrets
from deploy.commands import files, noun
from deploy.commands.output import AsJson, show, show_json, show_rows
from deploy.commands.transaction import Transaction, change, look

app = noun("device")

# 96 bits in 16 characters.
_PASSPHRASE_OCTETS: Final = 12

CitizenNai = Annotated[str, typer.Option("--citizen", metavar="NAI", help="Whose device.")]
DeviceName = Annotated[
    str, typer.Argument(metavar="ID|NAME", help="The device’s number, or what it is called.")
]


@app.command(
    "add", epilog="Example: farandole device add --citizen mireille@aups.example --name Phone"
)
def add(
    context: typer.Context,
    citizen: CitizenNai,
    name: Annotated[str, typer.Option(metavar="TEXT", help="What the device is called.")],
    secret_file: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="A Wi-Fi secret that it has; - is standard input."),
    ] = None,
    certificate: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Make a certificate, written here with its key."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Add a device with a credential of its own: a new Wi-Fi secret, printed now and never again,
    or what an option says."""
    if secret_file and certificate:
        raise Invalid("a device has one credential: leave --secret-file or --certificate out")
    if certificate:
        _add_with_certificate(context, citizen, name, certificate, as_json)
    elif secret_file:
        _add_with_secret(context, citizen, name, files.read_secret(secret_file), as_json)
    else:
        _add_with_new_secret(context, citizen, name, as_json)


def _add_with_new_secret(context: typer.Context, nai: str, name: str, as_json: bool) -> None:
    async def work(transaction: Transaction) -> dict[str, Any]:
        citizen = await transaction.citizen(nai)
        secret, device_id = await _wifi_secrets(transaction).issue(
            transaction.session, citizen_id=citizen.id, name=name, now=transaction.now
        )
        added = await _added(transaction, citizen, device_id)
        return added | {"secret": secret.reveal().decode()}

    added = change(context, work)
    if as_json:
        show_json(added)
    else:
        typer.echo(added["secret"])


def _add_with_secret(
    context: typer.Context, nai: str, name: str, secret: Secret, as_json: bool
) -> None:
    async def work(transaction: Transaction) -> dict[str, Any]:
        citizen = await transaction.citizen(nai)
        device_id = await _wifi_secrets(transaction).bring(
            transaction.session,
            citizen_id=citizen.id,
            name=name,
            secret=secret,
            now=transaction.now,
        )
        return await _added(transaction, citizen, device_id)

    show(change(context, work), as_json)


def _add_with_certificate(
    context: typer.Context, nai: str, name: str, directory: Path, as_json: bool
) -> None:
    async def work(transaction: Transaction) -> dict[str, Any]:
        citizen = await transaction.citizen(nai)
        device = await devices.add(
            transaction.session, citizen_id=citizen.id, name=name, now=transaction.now
        )
        # Before the service has ever run there is nobody to sign it.
        await authority.ensure(
            transaction.session,
            transaction.keyring,
            names=[transaction.settings.server_name],
            federation_name=transaction.settings.federation.name,
            now=transaction.now,
        )
        issued = await certificates.issue(
            transaction.session,
            transaction.keyring,
            device_id=device.id,
            realm=citizen.collectivity.realm,
            crl_url=f"{transaction.settings.portal.public_url}/crl",
            now=transaction.now,
        )
        added = await _added(transaction, citizen, device.id)
        anchors = [each.certificate for each in await authority.listed(transaction.session)]
        passphrase = secrets.token_urlsafe(_PASSPHRASE_OCTETS)
        files.write_new(
            directory,
            {
                "key.pem": files.key_pem(issued.key),
                "certificate.pem": files.certificate_pem(issued.certificate),
                "ca.pem": b"".join(map(files.certificate_pem, anchors)),
                "device.p12": certificates.pkcs12(issued, Secret(passphrase), device.name),
            },
        )
        return added | _certificate(issued) | {"directory": directory, "passphrase": passphrase}

    show(change(context, work), as_json)


def _wifi_secrets(transaction: Transaction) -> WifiSecrets:
    return WifiSecrets(transaction.keyring, keeps_text=transaction.settings.eap.challenges)


async def _added(
    transaction: Transaction, citizen: CitizenRecord, device_id: int
) -> dict[str, Any]:
    """Write down that a device was added, and return what is shown of it."""
    listed = await devices.of_citizen(transaction.session, citizen.id)
    device = next(each for each in listed if each.id == device_id)
    transaction.note("device.add", f"device:{device_id}", citizen=citizen.id, kind=device.kind)
    return {"id": device.id, "citizen": citizen.nai, "name": device.name, "kind": device.kind}


def _certificate(issued: IssuedCertificate) -> dict[str, Any]:
    return {
        "identity": issued.identity,
        "serial": issued.serial,
        "expires_at": issued.expires_at,
    }


@app.command("list", epilog="Example: farandole device list --citizen mireille@aups.example")
def list_(context: typer.Context, citizen: CitizenNai, as_json: AsJson = False) -> None:
    """List the devices that a citizen has and had, the newest first."""

    async def work(transaction: Transaction) -> list[dict[str, Any]]:
        found = await transaction.citizen(citizen)
        return [
            {
                "id": device.id,
                "name": device.name,
                "kind": device.kind,
                "mac": device.mac,
                "created_at": device.created_at,
                "expires_at": device.expires_at,
                "revoked_at": device.revoked_at,
            }
            for device in await devices.of_citizen(transaction.session, found.id)
        ]

    columns = ("id", "name", "kind", "mac", "created_at", "expires_at", "revoked_at")
    show_rows(look(context, work), columns, as_json)


@app.command("rename", epilog="Example: farandole device rename Phone 'Old phone' --citizen NAI")
def rename(
    context: typer.Context,
    device: DeviceName,
    name: Annotated[str, typer.Argument(metavar="TEXT", help="What it is called from now on.")],
    citizen: CitizenNai,
) -> None:
    """Call a device something else."""

    async def work(transaction: Transaction) -> int:
        found = await transaction.citizen(citizen)
        meant = await _meant(transaction, found, device)
        await devices.rename(
            transaction.session, citizen_id=found.id, device_id=meant.id, name=name
        )
        transaction.note("device.rename", f"device:{meant.id}")
        return meant.id

    typer.echo(f"Device {change(context, work)} is called “{devices.check_name(name)}”.")


@app.command("revoke", epilog="Example: farandole device revoke Phone --citizen NAI")
def revoke(context: typer.Context, device: DeviceName, citizen: CitizenNai) -> None:
    """Take a device’s credentials out of use for good, and end its sessions."""

    async def work(transaction: Transaction) -> tuple[DeviceView, int]:
        found = await transaction.citizen(citizen)
        meant = await _meant(transaction, found, device)
        ended = await devices.revoke(
            transaction.session, citizen_id=found.id, device_id=meant.id, now=transaction.now
        )
        transaction.note("device.revoke", f"device:{meant.id}")
        return meant, ended

    meant, ended = change(context, work)
    typer.echo(f"“{meant.name}” (device {meant.id}) is revoked; sessions to be ended: {ended}.")


async def _meant(transaction: Transaction, citizen: CitizenRecord, text: str) -> DeviceView:
    """Return the device of a number or a name; raise Invalid where there is none, or several."""
    listed = await devices.of_citizen(transaction.session, citizen.id)
    numbered = [each for each in listed if str(each.id) == text]
    called = [each for each in listed if each.name == text]
    in_use = [each for each in called if each.revoked_at is None]
    found = numbered or in_use or called[:1]
    if not found:
        raise Invalid(
            f"{citizen.nai} has no device “{text}”; "
            f"`farandole device list --citizen {citizen.nai}` shows all"
        )
    if len(found) > 1:
        numbers = ", ".join(str(each.id) for each in found)
        raise Invalid(f"several devices are called “{text}”: say which by its number: {numbers}")
    return found[0]


@app.command("forget", epilog="Example: farandole device forget 00-11-22-AA-BB-CC --citizen NAI")
def forget(
    context: typer.Context,
    device: Annotated[str, typer.Argument(metavar="MAC", help="The device.")],
    citizen: CitizenNai,
) -> None:
    """Let a device that is remembered by its MAC address come back through the portal only."""
    address = mac.normalize(device)
    if address is None:
        raise Invalid(f"“{device}” is no MAC address: write it like 00-11-22-AA-BB-CC")

    async def work(transaction: Transaction) -> None:
        found = await transaction.citizen(citizen)
        if not await devices.forget(
            transaction.session, citizen_id=found.id, mac=address, now=transaction.now
        ):
            raise Invalid(f"no device {address} of {found.nai} is remembered")
        transaction.note("device.forget", f"citizen:{found.id}")

    change(context, work)
    typer.echo(f"{address} is forgotten.")

"""How messages leave: over SMTP in the background, or into a mailbox in memory for the demo."""

import asyncio
import ssl
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.errors import MessageError
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid, parseaddr
from ipaddress import ip_address
from typing import Any, Final, Protocol
from urllib.parse import unquote, urlsplit

import aiosmtplib
import structlog

from aaa.errors import Outage, Unavailable
from aaa.settings import MailSettings
from monitoring import metrics

_SENDERS: Final = 4
_MOST_WAITING: Final = 1000
_TIMEOUT_SECONDS: Final = 20.0
_PAUSES_SECONDS: Final = (5.0, 30.0)
# RFC 5321 section 4.2.1: the server will not take it however often one asks.
_PERMANENT: Final = 500
MASK: Final = "***"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Message:
    """One mail to one citizen, ready to be sent; nothing of it shows in logs."""

    recipient: str = field(repr=False)
    subject: str = field(repr=False)
    text: str = field(repr=False)
    html: str = field(repr=False)


class Mailer(Protocol):
    """Takes messages to send."""

    def send(self, message: Message) -> None:
        """Take a message to be sent soon; raise Unavailable where too many wait already."""


class SmtpMailer:
    """Hands messages to the mail server of ``mail.url``; :meth:`run` does the work.

    A message that cannot be handed over is tried again after each of ``pauses`` seconds, then
    given up, counted and logged. It waits in memory: what a crash loses, the citizen asks for anew.
    """

    def __init__(
        self,
        settings: MailSettings,
        clock: Callable[[], datetime],
        *,
        tls: ssl.SSLContext | None = None,
        pauses: Sequence[float] = _PAUSES_SECONDS,
        most_waiting: int = _MOST_WAITING,
    ) -> None:
        self._server = _server(settings.url, tls)
        self._sender = settings.sender
        self._clock = clock
        self._pauses = pauses
        self._waiting: asyncio.Queue[Message] = asyncio.Queue(most_waiting)

    def send(self, message: Message) -> None:
        """Take a message to be sent soon; raise Unavailable where too many wait already."""
        try:
            self._waiting.put_nowait(message)
        except asyncio.QueueFull:
            metrics.mail.labels("failed").inc()
            raise Unavailable("mail", Outage.UNAVAILABLE, "too many messages wait") from None

    async def run(self) -> None:
        """Send messages for ever, a few at once."""
        async with asyncio.TaskGroup() as senders:
            for _ in range(_SENDERS):
                senders.create_task(self._send_all())

    async def settle(self) -> None:
        """Return once every message that was taken is sent or given up."""
        await self._waiting.join()

    async def _send_all(self) -> None:
        while True:
            message = await self._waiting.get()
            try:
                await self._deliver(message)
            except Exception as error:
                # A message that nothing can be made of must not end the sending of others.
                _give_up(error)
            finally:
                self._waiting.task_done()

    async def _deliver(self, message: Message) -> None:
        mail = compose(message, self._sender, self._clock())
        for pause in (*self._pauses, None):
            try:
                await aiosmtplib.send(mail, **self._server)
            except (aiosmtplib.SMTPException, OSError) as error:
                if pause is None or _is_permanent(error):
                    return _give_up(error)
                await asyncio.sleep(pause)
            else:
                return metrics.mail.labels("sent").inc()


class MailboxMailer:
    """Keeps the last 50 messages, so that the demo can show them on a page."""

    def __init__(self) -> None:
        self._messages: deque[Message] = deque(maxlen=50)

    def send(self, message: Message) -> None:
        """Keep a message."""
        self._messages.appendleft(message)
        metrics.mail.labels("sent").inc()

    def __iter__(self) -> Iterator[Message]:
        """Iterate over the messages, the newest first."""
        return iter(tuple(self._messages))


def masked(address: str) -> str:
    """Return an address that its owner recognises, and nobody else learns."""
    return f"{address[:1]}{MASK}@{address.rpartition('@')[2]}"


def compose(message: Message, sender: str, now: datetime) -> EmailMessage:
    """Return a message as RFC 5322 has it, text and HTML as alternatives.

    ``Auto-Submitted`` (RFC 3834) keeps holiday notices from answering. Raises ValueError or
    MessageError where an address cannot stand in a header.
    """
    mail = EmailMessage()
    mail["From"] = sender
    mail["To"] = message.recipient
    mail["Subject"] = " ".join(message.subject.split())
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = make_msgid(domain=parseaddr(sender)[1].rpartition("@")[2] or None)
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(message.text)
    mail.add_alternative(message.html, subtype="html")
    return mail


def _server(url: str, tls: ssl.SSLContext | None) -> dict[str, Any]:
    """Return how to reach the server of a URL, in the words of aiosmtplib.

    TLS is taken where it is offered, whatever certificate a relay of one's own may show; where a
    password goes over the network, it is insisted on and the certificate checked.
    """
    parts = urlsplit(url)
    is_implicit_tls = parts.scheme == "smtps"
    host = parts.hostname or "localhost"
    exposes_password = parts.password is not None and not _is_loopback(host)
    return {
        "hostname": host,
        "port": parts.port or (465 if is_implicit_tls else 587 if parts.username else 25),
        "username": unquote(parts.username) if parts.username else None,
        "password": unquote(parts.password) if parts.password is not None else None,
        "use_tls": is_implicit_tls,
        "start_tls": True if exposes_password and not is_implicit_tls else None,
        "timeout": _TIMEOUT_SECONDS,
    } | ({"tls_context": tls} if tls else {"validate_certs": exposes_password or is_implicit_tls})


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_permanent(error: Exception) -> bool:
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        return all(_is_permanent(refused) for refused in error.recipients)
    return isinstance(error, aiosmtplib.SMTPResponseException) and error.code >= _PERMANENT


def _give_up(error: Exception) -> None:
    """Count and log a message that was not sent; a server's words may hold the address."""
    metrics.mail.labels("failed").inc()
    is_ours = isinstance(error, aiosmtplib.SMTPException | OSError | MessageError | ValueError)
    log.warning(
        "mail not sent",
        reason=type(error).__name__,
        code=getattr(error, "code", None),
        remedy="check mail.url and the mail server's own log",
        exc_info=None if is_ours else error,
    )

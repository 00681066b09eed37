"""Mail, handed to a real SMTP server on loopback."""

import asyncio
import email
import email.policy
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import structlog
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from aaa.errors import Unavailable
from aaa.settings import MailSettings
from monitoring import metrics
from portal.mail import MailboxMailer, Message, SmtpMailer, compose
from tests.portal.visitor import Portal
from tests.ports import free_port
from tests.village import NOON

MESSAGE = Message("chiara@post.example", "123456 is\nyour code", "Voilà: 123456", "<p>123456</p>")
PASSWORD = "p@ss:wörd/%"


class Server:
    """What an SMTP server took, and what it answers to each message in turn (then 250)."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.envelopes: list[Envelope] = []
        self.sessions: list[Session] = []

    async def handle_DATA(self, server: Any, session: Session, envelope: Envelope) -> str:
        """Take or refuse one message."""
        if self.answers:
            return self.answers.pop(0)
        self.envelopes.append(envelope)
        self.sessions.append(session)
        return "250 taken"

    def mail(self) -> EmailMessage:
        """The one message that was taken."""
        [envelope] = self.envelopes
        content = envelope.content
        assert isinstance(content, bytes)
        return email.message_from_bytes(content, policy=email.policy.default)


@contextmanager
def smtp_server(server: Server, **options: Any) -> Iterator[int]:
    """Run a server on loopback; give its port."""
    controller = Controller(server, hostname="127.0.0.1", port=free_port(), **options)
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


@asynccontextmanager
async def sending(url: str, **options: Any) -> AsyncIterator[SmtpMailer]:
    """Give a mailer that is at work; leave when it has settled."""
    settings = MailSettings(url=url, sender="Wi-Fi <wifi@village.example>")
    mailer = SmtpMailer(settings, lambda: NOON, pauses=(0, 0), **options)
    async with asyncio.TaskGroup() as group:
        work = group.create_task(mailer.run())
        yield mailer
        await mailer.settle()
        work.cancel()


def counted(outcome: str) -> float:
    return float(metrics.mail.labels(outcome)._value.get())


async def test_a_message_arrives_as_it_should_be() -> None:
    server, before = Server(), counted("sent")
    with smtp_server(server) as port:
        async with sending(f"smtp://127.0.0.1:{port}") as mailer:
            mailer.send(MESSAGE)
    mail = server.mail()
    assert server.envelopes[0].rcpt_tos == ["chiara@post.example"]
    assert server.envelopes[0].mail_from == "wifi@village.example"
    assert mail["From"] == "Wi-Fi <wifi@village.example>"
    assert mail["To"] == "chiara@post.example"
    assert mail["Subject"] == "123456 is your code"
    assert mail["Date"].datetime == NOON
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Message-ID"].endswith("@village.example>")
    text, html = mail.iter_parts()
    assert isinstance(text, EmailMessage)
    assert isinstance(html, EmailMessage)
    assert text.get_content().strip() == "Voilà: 123456"
    assert html.get_content().strip() == "<p>123456</p>"
    assert counted("sent") == before + 1


async def test_two_messages_have_two_identities() -> None:
    first, second = (compose(MESSAGE, "wifi@village.example", NOON) for _ in range(2))
    assert first["Message-ID"] != second["Message-ID"]


async def test_what_is_refused_for_now_is_tried_again() -> None:
    server = Server("451 busy", "421 closing")
    with smtp_server(server) as port:
        async with sending(f"smtp://127.0.0.1:{port}") as mailer:
            mailer.send(MESSAGE)
    assert len(server.envelopes) == 1


@pytest.mark.parametrize("answers", [["550 never"], ["451 busy"] * 3])
async def test_what_cannot_be_sent_is_given_up_and_logged_without_the_address(
    answers: list[str],
) -> None:
    server, before = Server(*answers, "250 must not be asked"), counted("failed")
    with structlog.testing.capture_logs() as logs, smtp_server(server) as port:
        async with sending(f"smtp://127.0.0.1:{port}") as mailer:
            mailer.send(MESSAGE)
    assert server.answers == ["250 must not be asked"]
    assert counted("failed") == before + 1
    assert [line["event"] for line in logs] == ["mail not sent"]
    assert "chiara" not in repr(logs)
    assert "123456" not in repr(logs)


async def test_a_server_that_is_away_costs_nothing_but_the_message() -> None:
    before = counted("failed")
    async with sending(f"smtp://127.0.0.1:{free_port()}") as mailer:
        mailer.send(MESSAGE)
    assert counted("failed") == before + 1


async def test_a_recipient_that_no_header_can_hold_keeps_no_other_from_its_mail() -> None:
    server = Server()
    with smtp_server(server) as port:
        async with sending(f"smtp://127.0.0.1:{port}") as mailer:
            mailer.send(Message("a\nb@post.example", "x", "x", "x"))
            mailer.send(MESSAGE)
    assert server.mail()["To"] == "chiara@post.example"


async def test_a_full_queue_is_told() -> None:
    settings = MailSettings(url="smtp://127.0.0.1:1")
    mailer = SmtpMailer(settings, lambda: NOON, most_waiting=1)
    mailer.send(MESSAGE)
    with pytest.raises(Unavailable):
        mailer.send(MESSAGE)


@pytest.mark.parametrize("is_implicit", [False, True])
async def test_tls_is_spoken_where_it_is_offered(tmp_path: Path, is_implicit: bool) -> None:
    server, certificate = Server(), make_certificate(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    option = "ssl_context" if is_implicit else "tls_context"
    trust = ssl.create_default_context(cafile=certificate)
    scheme = "smtps" if is_implicit else "smtp"
    with smtp_server(server, **{option: context}) as port:
        async with sending(f"{scheme}://localhost:{port}", tls=trust) as mailer:
            mailer.send(MESSAGE)
    assert server.sessions[0].ssl is not None or is_implicit
    assert server.mail()["To"] == "chiara@post.example"


async def test_a_relay_of_ones_own_may_sign_its_certificate_itself(tmp_path: Path) -> None:
    server, certificate = Server(), make_certificate(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    with smtp_server(server, tls_context=context) as port:
        async with sending(f"smtp://127.0.0.1:{port}") as mailer:
            mailer.send(MESSAGE)
    assert server.sessions[0].ssl is not None


async def test_an_implicit_tls_server_must_show_who_it_is(tmp_path: Path) -> None:
    server, certificate = Server(), make_certificate(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    with smtp_server(server, ssl_context=context) as port:
        async with sending(f"smtps://localhost:{port}") as mailer:
            mailer.send(MESSAGE)
    assert server.envelopes == []


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
async def test_the_password_in_the_url_is_decoded() -> None:
    server, seen = Server(), []

    def authenticate(
        _server: Any, _session: Any, _envelope: Any, _how: str, data: Any
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        seen.append((data.login.decode(), data.password.decode()))
        return AuthResult(success=True)

    options = {"auth_require_tls": False, "auth_required": True, "authenticator": authenticate}
    with smtp_server(server, **options) as port:
        url = f"smtp://us%40er:p%40ss%3Aw%C3%B6rd%2F%25@127.0.0.1:{port}"
        async with sending(url) as mailer:
            mailer.send(MESSAGE)
    assert seen == [("us@er", PASSWORD)]
    assert len(server.envelopes) == 1


async def test_the_demo_keeps_the_last_fifty() -> None:
    mailbox = MailboxMailer()
    for number in range(60):
        mailbox.send(Message("a@post.example", str(number), "", ""))
    assert [message.subject for message in mailbox][:2] == ["59", "58"]
    assert len(list(mailbox)) == 50


@pytest.mark.parametrize(
    ("language", "says"), [("fr", "minutes"), ("it", "minuti"), ("en", "minutes")]
)
async def test_the_mail_is_written_in_the_language_of_the_page(
    small_portal: Portal, language: str, says: str
) -> None:
    browser = small_portal.browser(language=language)
    for address in ("anna@mail.example", "chiara@post.example"):
        visit = await browser.arrive()
        await browser.post(f"{visit}/email", email=address)
        message = next(iter(small_portal.mailbox))
        code = small_portal.code()
        assert message.recipient == address
        assert code in message.subject
        assert code in message.html
        assert f"20 {says}" in message.text.replace("\N{NO-BREAK SPACE}", " ")
        assert ("anna@village.example" in message.text) is (address == "anna@mail.example")
        assert "http" not in message.text


def make_certificate(directory: Path) -> Path:
    """Write a self-signed certificate for localhost with its key; return its path."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = directory / "server.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return path

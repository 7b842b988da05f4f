"""Notices leave over HTTP and by mail, to real servers; what goes wrong is said without a secret in it."""

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from headrace.objectives import forms, senders
from headrace.objectives.notices import Notice
from headrace.objectives.receiver import Send, Undelivered
from headrace.objectives.senders import Mail, mailer, poster
from tests import certificates
from tests.objectives.hook import hook
from tests.objectives.make import firing

NOTICE = Notice("HeadraceModelFailed", (firing(),), (), 1200.0)
FORM = partial(forms.webhook, server="here")


def post(url: str, path: str = "", token: str = "", timeout_s: float = 30.0) -> Send:
    return poster(lambda: url, path, (lambda: token) if token else None, FORM, timeout_s)


def test_a_notice_is_posted_with_its_token() -> None:
    with hook() as made:
        post(f"{made.url}/hooks/1?key=2", token="s3cret")(NOTICE)
    ((path, headers, body),) = made.got
    assert path == "/hooks/1?key=2"
    assert headers["authorization"] == "Bearer s3cret"
    assert headers["content-type"] == "application/json"
    assert json.loads(body)["group"] == "HeadraceModelFailed"


def test_an_alertmanager_has_its_own_path() -> None:
    with hook() as made:
        post(f"{made.url}/am/", forms.ALERTS_PATH)(NOTICE)
    assert made.got[0][0] == "/am/api/v2/alerts"


@pytest.mark.parametrize(("status", "again"), [(500, True), (503, True), (429, True), (400, False), (302, False)])
def test_an_answer_that_is_no_success_says_whether_to_try_again(status: int, again: bool) -> None:
    with hook(status) as made, pytest.raises(Undelivered, match=f"it answered {status}") as failed:
        post(made.url)(NOTICE)
    assert failed.value.again is again
    assert len(made.got) == 1, "redirects are not followed"


def test_an_address_that_nobody_listens_at_is_told_without_its_path() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/s3cret"
        with pytest.raises(Undelivered) as failed:
            post(url, token="t0ken")(NOTICE)
    assert str(failed.value) == "Connection refused"


def test_one_that_never_answers_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        with pytest.raises(Undelivered, match="did not answer in time"):
            post(url, timeout_s=0.05)(NOTICE)


def test_one_that_answers_a_byte_now_and_then_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(senders, "WHOLE", 0.02)
    over = threading.Event()

    def drip(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection:
            connection.sendall(b"HTTP/1.1 200 OK\r\nx: ")
            while not over.wait(0.01):
                try:
                    connection.sendall(b"y")
                except OSError:
                    return

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=drip, args=(server,), daemon=True)
        thread.start()
        with pytest.raises(Undelivered, match="did not answer in time"):
            post(f"http://127.0.0.1:{server.getsockname()[1]}", timeout_s=10.0)(NOTICE)
        over.set()
        thread.join()


def test_an_address_of_https_is_trusted_as_the_system_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = certificates.make(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(made.tls.certificate, made.tls.key)
    with hook() as plain:
        plain.server.socket = context.wrap_socket(plain.server.socket, server_side=True)
        url = plain.url.replace("http:", "https:")
        with pytest.raises(Undelivered, match="TLS fails: CERTIFICATE_VERIFY_FAILED"):
            post(url)(NOTICE)
        monkeypatch.setenv("SSL_CERT_FILE", str(made.ca))
        post(url)(NOTICE)
    assert len(plain.got) == 1


@pytest.mark.parametrize("token", ["two\nlines", "umlaut \N{SNOWMAN}"])
def test_a_token_that_no_header_takes_is_a_failure_that_does_not_show_it(token: str) -> None:
    with hook() as made, pytest.raises(Undelivered) as failed:
        post(made.url, token=token)(NOTICE)
    assert token not in str(failed.value)


class Mailbox:
    """What an SMTP server was handed, and by whom."""

    def __init__(self) -> None:
        self.got: list[tuple[str | None, list[str], str]] = []
        self.known: list[bytes] = []
        self.refuses: tuple[str, str] | None = None

    async def handle_RCPT(  # noqa: N802 its own name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.refuses and address == self.refuses[0]:
            return self.refuses[1]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.content
        assert isinstance(content, bytes)
        self.got.append((envelope.mail_from, envelope.rcpt_tos, content.decode()))
        return "250 OK"

    def authenticate(self, server: SMTP, session: Session, envelope: Envelope, how: str, told: object) -> AuthResult:
        password = getattr(told, "password", b"")
        self.known.append(password)
        return AuthResult(success=password == b"s3cret", handled=False)


@contextmanager
def mail_server(mailbox: Mailbox, **settings: Any) -> Iterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(mailbox, hostname="127.0.0.1", port=port, **settings)
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


def mail(server: str, user: str = "", password: str = "") -> Mail:
    return Mail(server, "headrace@example.org", "a@example.org, b@example.org", 30.0, user, lambda: password)


def test_a_mail_goes_to_everybody_it_is_for() -> None:
    mailbox = Mailbox()
    with mail_server(mailbox) as port:
        mailer(mail(f"smtp://127.0.0.1:{port}"), "here")(NOTICE)
    ((sender, recipients, text),) = mailbox.got
    assert (sender, recipients) == ("headrace@example.org", ["a@example.org", "b@example.org"])
    assert "Subject: [FIRING:1] HeadraceModelFailed on here" in text


def test_a_password_is_sent_over_tls_alone(tmp_path: Path) -> None:
    made = certificates.make(tmp_path)
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(made.tls.certificate, made.tls.key)
    trusting = ssl.create_default_context(cafile=made.ca)
    mailbox = Mailbox()
    with mail_server(
        mailbox, tls_context=server, require_starttls=True, authenticator=mailbox.authenticate, auth_required=True
    ) as port:
        address = f"smtp+starttls://127.0.0.1:{port}"
        mailer(mail(address, "ops", "s3cret"), "here", trusting)(NOTICE)
        assert (len(mailbox.got), mailbox.known) == (1, [b"s3cret"])
        with pytest.raises(Undelivered, match="the mail server answered 535") as failed:
            mailer(mail(address, "ops", "wr0ng"), "here", trusting)(NOTICE)
        assert not failed.value.again
        with pytest.raises(Undelivered, match="TLS fails"):
            mailer(mail(address, "ops", "s3cret"), "here")(NOTICE)


@pytest.mark.parametrize(("refuses", "arrives"), [("a@example.org", True), ("nobody", True)])
def test_one_recipient_that_is_refused_does_not_keep_the_others_from_it(
    refuses: str, arrives: bool, caplog: pytest.LogCaptureFixture
) -> None:
    mailbox = Mailbox()
    mailbox.refuses = (refuses, "550 no such user")
    with mail_server(mailbox) as port:
        mailer(mail(f"smtp://127.0.0.1:{port}"), "here")(NOTICE)
    assert bool(mailbox.got) is arrives
    told = [record.getMessage() for record in caplog.records if record.name == senders.__name__]
    assert told == (["the mail server takes no mail for 1 of alerts.email_to"] if refuses != "nobody" else [])


def test_a_mail_server_that_is_not_there_is_a_failure() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(Undelivered, match="Connection refused"):
            mailer(mail(f"smtp://127.0.0.1:{taken.getsockname()[1]}"), "here")(NOTICE)

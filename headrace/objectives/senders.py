"""How a notice leaves: posted over HTTP, or mailed. Called where waiting holds up nobody."""

import http.client
import logging
import os
import smtplib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from email.message import EmailMessage
from urllib.parse import urlsplit

import msgspec

from headrace.objectives import forms
from headrace.objectives.notices import Notice
from headrace.objectives.receiver import Send, Undelivered
from headrace.objectives.secret import Secret

log = logging.getLogger(__name__)

WHOLE = 3
"""An exchange may take so many times as long as one step of it."""

MOST_OF_AN_ANSWER = 64 * 1024  # bytes; the rest is not read
PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}


class Mail(msgspec.Struct, frozen=True):
    """A mail server, and what it is told."""

    server: str  # smtp://host:port, smtp+starttls://..., smtps://...
    sender: str
    recipients: str
    timeout_s: float
    user: str = ""
    password: Secret = lambda: ""


def poster(address: Secret, path: str, token: Secret | None, form: Callable[[Notice], bytes], timeout_s: float) -> Send:
    """Posts notices to an address, with a path behind it. Redirects are not followed."""

    def send(notice: Notice) -> None:
        headers = {"content-type": "application/json", "user-agent": "headrace"}
        try:
            if token is not None:
                headers["authorization"] = f"Bearer {token()}"
            _post(address().rstrip("/") + path if path else address(), form(notice), headers, timeout_s)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Undelivered(_why(error)) from None

    return send


def mailer(mail: Mail, server: str, context: ssl.SSLContext | None = None) -> Send:
    """Mails notices. `context` says whom to trust, where that is not whom the system trusts."""

    def send(notice: Notice) -> None:
        try:
            _mail(mail, forms.mail(notice, server, mail.sender, mail.recipients), context)
        except smtplib.SMTPResponseException as error:
            again = 400 <= error.smtp_code < 500  # such a refusal is for now
            raise Undelivered(f"the mail server answered {error.smtp_code}", again) from None
        except smtplib.SMTPRecipientsRefused:
            raise Undelivered("the mail server takes no mail for any of alerts.email_to", again=False) from None
        except (OSError, smtplib.SMTPException, ValueError) as error:
            raise Undelivered(_why(error)) from None

    return send


def _post(url: str, body: bytes, headers: Mapping[str, str], timeout_s: float) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Undelivered("what it points at is not an address of http:// or https://", again=False)
    secure = parts.scheme == "https"
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    connection = kind(parts.hostname, parts.port, timeout=timeout_s)
    plain = socket.create_connection((connection.host, connection.port), timeout_s)
    try:
        with _within(WHOLE * timeout_s, plain):
            context = ssl.create_default_context() if secure else None
            connection.sock = context.wrap_socket(plain, server_hostname=parts.hostname) if context else plain
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("POST", target, body, {**headers})
            answer = connection.getresponse()
            answer.read(MOST_OF_AN_ANSWER)
    finally:
        connection.close()
        plain.close()  # which TLS may have refused to take over
    if not 200 <= answer.status < 300:
        again = answer.status >= 500 or answer.status in (408, 429)
        raise Undelivered(f"it answered {answer.status}", again)


def _mail(mail: Mail, message: EmailMessage, context: ssl.SSLContext | None) -> None:
    parts = urlsplit(mail.server)
    host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
    context = context or ssl.create_default_context()
    with (
        (
            smtplib.SMTP_SSL(host, port, timeout=mail.timeout_s, context=context)
            if parts.scheme == "smtps"
            else smtplib.SMTP(host, port, timeout=mail.timeout_s)
        ) as smtp,
        _within(WHOLE * mail.timeout_s, smtp.sock),
    ):
        if parts.scheme == "smtp+starttls":
            smtp.starttls(context=context)
        if mail.user:
            smtp.login(mail.user, mail.password())
        if refused := smtp.send_message(message):
            log.warning("the mail server takes no mail for %d of alerts.email_to", len(refused))


@contextmanager
def _within(seconds: float, connection: socket.socket | None) -> Iterator[None]:
    """End the connection after that time, whatever is still read from it: a byte now and then is no progress.

    Raises TimeoutError then.
    """
    # A descriptor of its own: TLS may have replaced the one that it was given, or closed it.
    watched = None if connection is None else socket.socket(fileno=os.dup(connection.fileno()))
    ended = threading.Event()

    def end() -> None:
        ended.set()
        if watched is not None:
            with suppress(OSError):
                watched.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        if watched is not None:
            watched.close()
    if ended.is_set():  # an answer that was cut may look like a whole one
        raise TimeoutError


def _why(error: Exception) -> str:
    """In words that hold nothing of an address: its path may be a secret."""
    if isinstance(error, TimeoutError):
        return "it did not answer in time"
    if isinstance(error, ssl.SSLError):
        return f"TLS fails: {error.reason or type(error).__name__}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__

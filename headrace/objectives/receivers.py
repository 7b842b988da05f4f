"""Who is told of alerts, as the settings say: each with its own policy, form and secrets."""

from collections.abc import Mapping
from functools import partial
from urllib.parse import urlsplit

from headrace.alert_settings import Alerts
from headrace.errors import SettingInvalid
from headrace.objectives import forms
from headrace.objectives.notices import Forwarding, Grouping
from headrace.objectives.receiver import Receiver
from headrace.objectives.secret import Secret, secret


def receivers(settings: Alerts, server: str, environment: Mapping[str, str]) -> list[Receiver]:
    """Those that are set; their threads are yet to be started.

    Raises SettingInvalid for one that lacks something, or whose secret is not where the settings say.
    """
    _check(settings)
    if not (settings.webhook or settings.alertmanager or settings.smtp):
        return []
    from headrace.objectives.senders import Mail, mailer, poster  # mail and TLS, which few servers send by

    made = []
    if settings.webhook:
        form = partial(forms.webhook, server=server)
        address = _address(settings.webhook, "alerts.webhook", environment)
        token = _token(settings.webhook_token, "alerts.webhook_token", environment)
        send = poster(address, "", token, form, settings.timeout_s)
        made.append(Receiver("webhook", _grouping(settings), send))
    if settings.alertmanager:
        form = partial(forms.alertmanager, server=server)
        address = _address(settings.alertmanager, "alerts.alertmanager", environment)
        token = _token(settings.alertmanager_token, "alerts.alertmanager_token", environment)
        send = poster(address, forms.ALERTS_PATH, token, form, settings.timeout_s)
        made.append(Receiver("alertmanager", Forwarding(), send))
    if settings.smtp:
        password = secret(settings.smtp_password, "alerts.smtp_password", environment)
        mail = Mail(
            settings.smtp, settings.email_from, settings.email_to, settings.timeout_s, settings.smtp_user, password
        )
        made.append(Receiver("email", _grouping(settings), mailer(mail, server)))
    return made


def _grouping(settings: Alerts) -> Grouping:
    return Grouping(settings.group_by, settings.group_wait_s, settings.group_interval_s, settings.repeat_s)


def _address(said: str, key: str, environment: Mapping[str, str]) -> Secret:
    address = secret(said, key, environment)
    try:
        parts = urlsplit(address())
        _ = parts.port
    except ValueError:
        raise SettingInvalid("what it says or points at has a host or a port that is none", key) from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SettingInvalid("what it points at is not an address of http:// or https://", key)
    if parts.username is not None or parts.password is not None:
        raise SettingInvalid(f"has a name or a password in it, which is not sent; give {key}_token", key)
    return address


def _token(said: str, key: str, environment: Mapping[str, str]) -> Secret | None:
    return secret(said, key, environment) if said else None


def _check(settings: Alerts) -> None:
    """Raises SettingInvalid for what goes only with something else."""
    mail = {"smtp": settings.smtp, "email_from": settings.email_from, "email_to": settings.email_to}
    lacking = [name for name, said in mail.items() if not said]
    if any(mail.values()) and lacking:
        raise SettingInvalid(
            "is empty; mails need alerts.smtp, alerts.email_from and alerts.email_to", f"alerts.{lacking[0]}"
        )
    for name, addresses in (("email_from", [settings.email_from]), ("email_to", settings.email_to.split(","))):
        if mail[name] and not all(map(_is_address, addresses)):
            raise SettingInvalid(
                f"{mail[name]!r} is not made of mail addresses, as in ops@example.org", f"alerts.{name}"
            )
    try:
        _ = urlsplit(settings.smtp).port
    except ValueError:
        raise SettingInvalid("has a host or a port that is none", "alerts.smtp") from None
    if bool(settings.smtp_user) != bool(settings.smtp_password):
        raise SettingInvalid("alerts.smtp_user and alerts.smtp_password go together", "alerts.smtp_password")
    if settings.smtp_user and settings.smtp.startswith("smtp://"):
        message = "would be sent for all to read; write alerts.smtp with smtps:// or smtp+starttls://"
        raise SettingInvalid(message, "alerts.smtp_password")
    for token, address in (("webhook_token", settings.webhook), ("alertmanager_token", settings.alertmanager)):
        if getattr(settings, token) and not address:
            raise SettingInvalid(
                f"goes with alerts.{token.removesuffix('_token')}, and that is not set", f"alerts.{token}"
            )


def _is_address(text: str) -> bool:
    name, at, host = text.strip().rpartition("@")
    return bool(name and at and host) and text.isprintable() and text.isascii() and " " not in text.strip()

"""The settings say who is told; what they lack is named."""

from typing import Any

import pytest

from headrace.alert_settings import Alerts
from headrace.errors import SettingInvalid
from headrace.objectives.notices import Forwarding, Grouping
from headrace.objectives.receivers import receivers

MAIL: dict[str, Any] = {
    "smtp": "smtps://mail:465",
    "email_from": "a@example.org",
    "email_to": "b@example.org, c@example.org",
}


def made(environment: dict[str, str] | None = None, **settings: Any) -> list[tuple[str, type]]:
    found = receivers(Alerts(**settings), "here", environment or {})
    return [(each.name, type(each.policy)) for each in found]


def test_by_itself_nobody_is_told() -> None:
    assert made() == []


def test_each_has_its_own_policy() -> None:
    told = made(webhook="http://x", alertmanager="http://y:9093", **MAIL)
    assert told == [("webhook", Grouping), ("alertmanager", Forwarding), ("email", Grouping)]


def test_an_address_may_be_a_secret() -> None:
    assert made({"HOOK": "https://x/y"}, webhook="env:HOOK") == [("webhook", Grouping)]


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({**MAIL, "smtp": ""}, "alerts.smtp: is empty; mails need"),
        ({"smtp": "smtp://mail"}, "alerts.email_from: is empty; mails need"),
        ({**MAIL, "email_to": "b@example.org, c"}, "alerts.email_to: 'b@example.org, c' is not made of mail addresses"),
        ({**MAIL, "email_from": "a@x\nBcc: d@x"}, "alerts.email_from: 'a@x\\nBcc: d@x' is not made of mail"),
        ({**MAIL, "smtp": "smtp://mail:99999"}, "alerts.smtp: has a host or a port that is none"),
        ({**MAIL, "smtp_user": "ops"}, "alerts.smtp_password: alerts.smtp_user and alerts.smtp_password go together"),
        (
            {**MAIL, "smtp": "smtp://mail", "smtp_user": "ops", "smtp_password": "env:WORD"},
            "alerts.smtp_password: would be sent for all to read",
        ),
        ({"webhook_token": "env:WORD"}, "alerts.webhook_token: goes with alerts.webhook, and that is not set"),
        ({"webhook": "env:NONE"}, "alerts.webhook: the environment has no NONE, or it is empty"),
        ({"webhook": "env:WORD"}, "alerts.webhook: what it points at is not an address"),
        ({"webhook": "http://ops:s3cret@x"}, "alerts.webhook: has a name or a password in it, which is not sent"),
        ({"webhook": "http://x:99999"}, "alerts.webhook: what it says or points at has a host or a port"),
        ({"webhook": "http://[x"}, "alerts.webhook: what it says or points at has a host or a port"),
        ({"alertmanager": "http://x", "alertmanager_token": "env:NONE"}, "alerts.alertmanager_token: the environment"),
    ],
)
def test_what_cannot_be_is_named_by_its_setting(settings: dict[str, Any], fault: str) -> None:
    with pytest.raises(SettingInvalid) as refused:
        made({"WORD": "s3cret"}, **settings)
    assert str(refused.value).startswith(fault)
    assert "s3cret" not in str(refused.value)

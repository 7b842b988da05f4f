"""A notice as receivers read it: our own JSON, the Alertmanager's, a mail, fields of a log line. Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any

import msgspec

from headrace.clock import rfc3339
from headrace.objectives.alerts import Alert
from headrace.objectives.notices import Notice

FORMAT = 1
"""Of our own JSON; it grows by fields, and has another number only where one changes its meaning."""

ALERTS_PATH = "/api/v2/alerts"
FORGOTTEN_S = 240.0
"""After which an Alertmanager takes an alert for ended that it does not hear of again."""

_MOST_IN_A_SUBJECT = 150


def as_json(alert: Alert) -> dict[str, Any]:
    """One alert in our own words, as the routes tell it too."""
    return {
        "alert": alert.key.alert,
        "severity": alert.severity,
        "state": alert.state,
        "labels": dict(alert.key.labels),
        "summary": alert.summary,
        "what_to_do": alert.what_to_do,
        "value": alert.value,
        "since": rfc3339(alert.since_s),
        "fired": rfc3339(alert.fired_s) if alert.fired_s else None,
        "ended": rfc3339(alert.ended_s) if alert.ended_s else None,
    }


def webhook(notice: Notice, server: str) -> bytes:
    """Our own form."""
    body = {
        "format": FORMAT,
        "server": server,
        "status": "firing" if notice.firing else "resolved",
        "group": notice.group,
        "sent": rfc3339(notice.sent_s),
        "alerts": [as_json(alert) for alert in notice.alerts],
    }
    return msgspec.json.encode(body)


def alertmanager(notice: Notice, server: str) -> bytes:
    """What `POST /api/v2/alerts` takes."""
    return msgspec.json.encode([_posted(alert, server, notice.sent_s) for alert in notice.alerts])


def mail(notice: Notice, server: str, sender: str, recipients: str) -> EmailMessage:
    """Plain text; whatever a name holds, it stays within its line."""
    message = EmailMessage()
    count = len(notice.firing) or len(notice.resolved)
    what = notice.group or (notice.alerts[0].key.alert if notice.alerts else "")
    state = "FIRING" if notice.firing else "RESOLVED"
    message["Subject"] = plain(f"[{state}:{count}] {what} on {server}")[:_MOST_IN_A_SUBJECT]
    message["From"], message["To"] = sender, recipients
    message["Date"] = datetime.fromtimestamp(notice.sent_s, UTC)
    lines = [line for alert in notice.alerts for line in _lines(alert)]
    message.set_content("\n".join([f"Server: {plain(server)}", "", *lines]))
    return message


def fields(alert: Alert) -> Mapping[str, Any]:
    """What a line of the log has beside its words."""
    return {
        "alert": alert.key.alert,
        "severity": alert.severity,
        **dict(alert.key.labels),
        "value": alert.value,
        "reason": alert.summary,
    }


def plain(text: str) -> str:
    """On one line, and nothing that could steer who shows it."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


def _posted(alert: Alert, server: str, sent_s: float) -> dict[str, Any]:
    ends_s = alert.ended_s if alert.state == "resolved" else sent_s + FORGOTTEN_S
    labels = {"alertname": alert.key.alert, "severity": alert.severity, **dict(alert.key.labels), "server": server}
    return {
        "labels": {name: value for name, value in labels.items() if value},
        "annotations": {"summary": alert.summary, "description": alert.what_to_do},
        "startsAt": rfc3339(alert.fired_s),
        "endsAt": rfc3339(ends_s),
    }


def _lines(alert: Alert) -> list[str]:
    labels = ", ".join(f"{name}={plain(value)}" for name, value in alert.key.labels)
    when = f"since {rfc3339(alert.since_s)}"
    if alert.state == "resolved":
        when += f", until {rfc3339(alert.ended_s)}"
    return [
        f"{alert.state.upper()} {alert.key.alert} ({alert.severity}){': ' if labels else ''}{labels}",
        f"  {plain(alert.summary)}",
        f"  {when}. {plain(alert.what_to_do)}",
        "",
    ]

"""Receivers read a notice each in their own form, and no name in it gets out of its place."""

import json
import logging

import msgspec
import pytest

from headrace.objectives import forms
from headrace.objectives.alerts import Alert
from headrace.objectives.notices import Notice
from headrace.objectives.rules import MODEL_FAILED
from headrace.observe.log_format import FIELDS, JsonFormatter, TextFormatter
from tests.objectives.make import firing

HOSTILE = 'm<script>\r\nBcc: all@example.org\x1b[31m"\x00'
FIRING = firing(model="ocr", version="3")
RESOLVED = msgspec.structs.replace(FIRING, state="resolved", ended_s=1100.0)


def notice(*alerts: Alert) -> Notice:
    ended = tuple(alert for alert in alerts if alert.state == "resolved")
    return Notice("HeadraceModelFailed", tuple(set(alerts) - set(ended)), ended, 1200.0)


def test_our_own_form_has_all_that_is_known() -> None:
    told = json.loads(forms.webhook(notice(FIRING), "host:8000"))
    (alert,) = told.pop("alerts")
    assert told == {
        "format": 1,
        "server": "host:8000",
        "status": "firing",
        "group": "HeadraceModelFailed",
        "sent": "1970-01-01T00:20:00.000Z",
    }
    assert alert == {
        "alert": MODEL_FAILED,
        "severity": "page",
        "state": "firing",
        "labels": {"model": "ocr", "version": "3"},
        "summary": f"{MODEL_FAILED} it is",
        "what_to_do": "do something",
        "value": 1.0,
        "since": "1970-01-01T00:16:40.000Z",
        "fired": "1970-01-01T00:17:10.000Z",
        "ended": None,
    }


def test_a_notice_is_resolved_where_nothing_in_it_fires() -> None:
    told = json.loads(forms.webhook(notice(RESOLVED), "s"))
    assert (told["status"], told["alerts"][0]["ended"]) == ("resolved", "1970-01-01T00:18:20.000Z")


def test_an_alertmanager_is_told_labels_times_and_when_to_forget() -> None:
    on, off = json.loads(forms.alertmanager(notice(FIRING, RESOLVED), "host:8000"))
    assert on == {
        "labels": {
            "alertname": MODEL_FAILED,
            "severity": "page",
            "model": "ocr",
            "version": "3",
            "server": "host:8000",
        },
        "annotations": {"summary": f"{MODEL_FAILED} it is", "description": "do something"},
        "startsAt": "1970-01-01T00:17:10.000Z",
        "endsAt": "1970-01-01T00:24:00.000Z",
    }
    assert off["endsAt"] == "1970-01-01T00:18:20.000Z"


def test_a_mail_says_what_fires_and_what_has_ended() -> None:
    made = forms.mail(notice(FIRING, RESOLVED), "host:8000", "a@example.org", "b@example.org, c@example.org")
    assert made["Subject"] == "[FIRING:1] HeadraceModelFailed on host:8000"
    assert made["To"] == "b@example.org, c@example.org"
    text = made.get_content()
    assert "FIRING HeadraceModelFailed (page): model=ocr, version=3" in text
    assert "RESOLVED HeadraceModelFailed (page): model=ocr, version=3" in text
    assert "since 1970-01-01T00:16:40.000Z, until 1970-01-01T00:18:20.000Z. do something" in text


def test_a_hostile_name_stays_within_its_line_of_a_mail() -> None:
    alert = msgspec.structs.replace(firing(model=HOSTILE), summary=HOSTILE)
    made = forms.mail(msgspec.structs.replace(notice(alert), group=HOSTILE), HOSTILE, "a@example.org", "b@example.org")
    assert made["Bcc"] is None
    written = made.as_string()
    assert "\nBcc:" not in written
    assert "\x1b" not in written
    assert "\x00" not in written
    assert len(made["Subject"]) <= 150


@pytest.mark.parametrize("formatter", [JsonFormatter(), TextFormatter()])
def test_a_hostile_name_stays_within_its_line_of_the_log(formatter: logging.Formatter) -> None:
    record = logging.LogRecord("x", logging.WARNING, "", 0, "alert is firing", (), None)
    setattr(record, FIELDS, forms.fields(firing(model=HOSTILE)))
    line = formatter.format(record)
    assert line.isprintable()


def test_a_hostile_name_is_one_string_of_json() -> None:
    told = json.loads(forms.webhook(notice(firing(model=HOSTILE)), "s"))
    assert told["alerts"][0]["labels"] == {"model": HOSTILE}

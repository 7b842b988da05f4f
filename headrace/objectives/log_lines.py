"""Alerts as lines of the log."""

import logging

from headrace.objectives import forms
from headrace.objectives.alerts import Alert
from headrace.observe.log_format import FIELDS

log = logging.getLogger(__name__)


def write(alert: Alert) -> None:
    """One line for an alert that began to fire, or ended."""
    level = logging.WARNING if alert.state == "firing" else logging.INFO
    log.log(level, f"alert is {alert.state}", extra={FIELDS: forms.fields(alert)})

"""The server is named as its environment says."""

import pytest

from headrace.collector.resource import resource_of


def test_it_says_what_it_is() -> None:
    assert resource_of({}, "1.2").attributes.items() >= {"service.name": "headrace", "service.version": "1.2"}.items()


def test_its_environment_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    said = {"OTEL_RESOURCE_ATTRIBUTES": "service.version=9, zone=a", "OTEL_SERVICE_NAME": "ours"}
    for name, value in said.items():
        monkeypatch.setenv(name, value)
    found = resource_of(said, "1.2").attributes
    assert (found["service.name"], found["service.version"], found["zone"]) == ("ours", "9", "a")

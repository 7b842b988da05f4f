"""Variants join a model that answers by its own file meanwhile."""

import threading

import httpx

from tests.program import Program


def wait_joined(server: Program, model: str) -> None:
    """Until its variants have joined it, or could not; the test's own time limit ends it."""
    pause = threading.Event()
    while True:
        found = httpx.get(f"http://{server.http}/v2/headrace/models/{model}/events").json()
        if any("variants" in event.get("cause", "") for event in found):
            return
        pause.wait(0.01)

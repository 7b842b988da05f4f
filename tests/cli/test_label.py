"""`headrace label` tells where labels lead, and has one lead elsewhere."""

import pytest

from headrace.cli.failure import Failure
from headrace.cli.label import run
from tests.cli.conftest import Answer, Serve


def test_labels_are_told(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["m", "--url", serve(lambda path, headers, body: (200, {}, b'{"canary":"3","stable":"2"}'))]) == 0
    assert capsys.readouterr().out == "canary 3\nstable 2\n"
    run(["m", "--url", serve(lambda path, headers, body: (200, {}, b"{}"))])
    assert capsys.readouterr().out == "no labels\n"


def test_a_label_is_set_and_taken_back(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[tuple[str, bytes]] = []

    def answer(path: str, headers: dict[str, str], body: bytes) -> Answer:
        asked.append((path, body))
        return 200, {}, b'{"version":"3"}' if body else b""

    url = serve(answer)
    run(["m", "stable", "3", "--url", url])
    run(["m", "stable", "--remove", "--url", url])
    path = "/v2/headrace/models/m/labels/stable"
    assert asked == [(path, b'{"version": "3"}'), (path, b"")]
    assert capsys.readouterr().out == "m@stable is version 3\nm@stable is taken back\n"


@pytest.mark.parametrize("arguments", [["m", "--remove"], ["m", "stable"], ["m", "stable", "3", "--remove"]])
def test_what_is_not_clear_is_asked_for(arguments: list[str]) -> None:
    with pytest.raises(Failure, match="--remove"):
        run(arguments)

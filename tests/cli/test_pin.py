"""`headrace pin` keeps a model in memory, and lets it go."""

import pytest

from headrace.cli.failure import Failure
from headrace.cli.pin import run
from tests.cli.conftest import Answer, Serve


def test_a_model_is_pinned_and_let_go(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[tuple[str, bytes]] = []

    def answer(path: str, headers: dict[str, str], body: bytes) -> Answer:
        asked.append((path, body))
        return 200, {}, b"{}"

    url = serve(answer)
    run(["m", "--url", url])
    run(["m", "--remove", "--url", url])
    path = "/v2/headrace/models/m/pin"
    assert asked == [(path, b'{"pinned": true}'), (path, b'{"pinned": false}')]
    assert capsys.readouterr().out == "m is pinned\nm is no longer pinned\n"


def test_a_refusal_is_told(serve: Serve) -> None:
    with pytest.raises(Failure, match="not in the repository"):
        run(["m", "--url", serve(lambda path, headers, body: (404, {}, b'{"error":"m is not in the repository"}'))])

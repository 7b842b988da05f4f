"""`headrace rollback` has a server return to the version served before."""

import pytest

from headrace.cli.failure import Failure
from headrace.cli.rollback import run
from tests.cli.conftest import Serve


def test_the_version_that_is_served_again_is_told(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["m", "--url", serve(lambda path, headers, body: (200, {}, b'{"name":"m","version":"2"}'))]) == 0
    assert capsys.readouterr().out == "m is version 2 again\n"


def test_a_refusal_is_told(serve: Serve) -> None:
    said = b'{"error":"was served by no other version before"}'
    with pytest.raises(Failure, match="no other version before"):
        run(["m", "--url", serve(lambda path, headers, body: (400, {}, said))])

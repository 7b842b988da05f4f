"""What a server prints once it is ready."""

import io

from headrace.app import Ready
from headrace.cli.announce import announce
from headrace.cli.console import console
from headrace.types import VersionStatus


def _printed(ready: Ready) -> str:
    out = io.StringIO()
    announce(ready, console(out))
    return out.getvalue()


def test_it_says_where_and_in_how_long() -> None:
    shown = _printed(Ready("127.0.0.1:1", "127.0.0.1:2", (), (), 1.234))
    assert shown.endswith("\nServing 0 model versions: HTTP on 127.0.0.1:1, gRPC on 127.0.0.1:2; ready in 1.23 s\n")


def test_without_models_it_says_where_they_belong() -> None:
    shown = _printed(Ready("127.0.0.1:1", None, (), (), 1))
    assert shown.startswith("There are no models: put each in a folder of its own")


def test_without_grpc_it_does_not_name_it() -> None:
    assert "gRPC" not in _printed(Ready("127.0.0.1:1", None, (), (), 1))


def test_a_model_that_is_unavailable_is_shown_with_its_reason() -> None:
    shown = _printed(Ready("127.0.0.1:1", None, (VersionStatus("m", 1, "UNAVAILABLE", "it is empty"),), (), 1))
    assert "m 1: reason: it is empty" in shown
    assert "Serving 0 model versions (1 unavailable)" in shown


def test_tls_is_told() -> None:
    shown = _printed(Ready("127.0.0.1:1", "127.0.0.1:2", (), (), 1, tls=True))
    assert "HTTP on 127.0.0.1:1, gRPC on 127.0.0.1:2, over TLS; ready in 1.00 s" in shown

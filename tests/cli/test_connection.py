"""How a server is reached, and what is told where it is not."""

import json
import socket
from threading import Thread

import pytest

from headrace.cli.connection import LONGEST_S, Server
from headrace.cli.failure import Failure
from tests.cli.conftest import Answer, Serve


def _ask(url: str, timeout_s: float = 5) -> bytes:
    with Server(url, timeout_s).exchange("GET", "/x") as response:
        return response.read()


def test_what_is_answered_is_read_in_the_with(serve: Serve) -> None:
    assert _ask(serve(lambda path, headers, body: (200, {}, path.encode())) + "/behind/") == b"/behind/x"


def test_where_nobody_listens_it_says_what_to_start() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(Failure, match=f"no server answers at {url} .*start it with `headrace serve REPO`"):
        _ask(url)


def test_a_server_that_does_not_answer_in_time_is_told_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(Failure, match=r"did not answer in 0\.01 s; give it longer with --timeout"):
            _ask(url, 0.01)


def test_where_the_connection_ends_without_an_answer_tls_may_be_why() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"

        def hang_up() -> None:
            listening.accept()[0].close()

        hangs_up = Thread(target=hang_up)
        hangs_up.start()
        with pytest.raises(Failure, match=f"{url} ended the connection .* TLS, say so: --url https://127"):
            _ask(url)
        hangs_up.join()


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        (b"\0\0\x12\4\0\0\0\0\0\0\3\x7f\xff\n", "it speaks HTTP/2, as gRPC does; give the address of its HTTP port$"),
        (b"SSH-2.0-OpenSSH_9.6 Debian\r\n", "it begins with 'SSH-2.0-OpenSSH_'$"),
    ],
)
def test_what_answers_in_another_protocol_is_told_by_what_it_says(sent: bytes, says: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"

        def greet() -> None:
            with listening.accept()[0] as connection:
                connection.sendall(sent)
                connection.recv(1 << 16)

        greets = Thread(target=greet)
        greets.start()
        with pytest.raises(Failure, match=f"does not speak HTTP: {says}"):
            _ask(url)
        greets.join()


@pytest.mark.parametrize("url", ["ftp://x", "http://", "http://h:port", "http://h:99999"])
def test_an_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(Failure, match="--url") as refused:
        Server(url, 1)
    assert refused.value.exit_code == 2


@pytest.mark.parametrize("timeout_s", [0, -1, float("nan"), float("inf"), 1e10])
def test_a_time_that_is_none_or_that_no_wait_can_last_is_refused(timeout_s: float) -> None:
    with pytest.raises(Failure, match="is not a time; give seconds above 0, up to 1,000,000") as refused:
        Server("h", timeout_s)
    assert refused.value.exit_code == 2


def test_the_longest_time_can_be_waited_for(serve: Serve) -> None:
    assert _ask(serve(lambda path, headers, body: (200, {}, b"here")), LONGEST_S) == b"here"


def test_an_address_without_a_scheme_is_http() -> None:
    assert Server("127.0.0.1:9", 1).url == "http://127.0.0.1:9"


@pytest.mark.parametrize(
    ("names", "told"),
    [
        ([], "no 'm' here; there are none"),
        (["b", "a", "a"], "no 'm' here; there are a, b"),
        ([f"m{number:02}" for number in range(22)], "m18, m19, and 2 more"),
    ],
)
def test_where_a_model_is_not_there_those_that_are_stand_behind(names: list[str], told: str, serve: Serve) -> None:
    def answers(path: str, headers: dict[str, str], body: bytes) -> Answer:
        if path == "/v2/repository/index":
            return 200, {}, json.dumps([{"name": name, "state": "READY"} for name in names]).encode()
        return 404, {}, json.dumps({"error": "no 'm' here", "code": "model_not_found"}).encode()

    with pytest.raises(Failure) as caught:
        Server(serve(answers), 5).fetch("GET", "/v2/models/m")
    assert str(caught.value).endswith(told)

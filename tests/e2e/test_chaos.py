"""Workers and servers that are killed, models that crash and hang, queues that overflow: the innocent are answered."""

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from benchmarks.server import children, resident_bytes
from tests.e2e.attack import Target, request_bytes, row
from tests.e2e.conftest import ROWS, add_fake
from tests.program import ANY_PORTS, ROOT, serving

pytestmark = pytest.mark.slow

CRASH, HANG, REFUSE = 13, 14, 15
TROUBLE = f"crash_on = {CRASH}\nhang_on = {HANG}\nrefuse_on = {REFUSE}\n" + ROWS
IN_FLIGHT = "headrace_requests_in_flight"


@contextmanager
def target(folder: Path, *settings: str) -> Iterator[Target]:
    flags = [flag for setting in settings for flag in ("--set", setting)]
    with serving(folder, *ANY_PORTS, *flags) as program:
        yield Target(program)


def wait_until(true: Callable[[], bool]) -> None:
    """Looks again and again; the test's own time limit ends it."""
    pause = threading.Event()
    while not true():
        pause.wait(0.01)


def alive(pid: int) -> bool:
    """Whether a process runs: one that nobody has waited for yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def num_sockets(pid: int) -> int:
    found = 0
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # it was closed meanwhile
            found += "socket:" in str(fd.readlink())
    return found


def ask(server: Target, model: str, value: float) -> tuple[int, bool]:
    """The status, and whether the answer is right where there is one."""
    answer = server.infer(model, row(data=[value, 2]))
    return answer.status, answer.status != 200 or json.loads(answer.body)["outputs"][0]["data"] == [value, 2]


def test_requests_that_crash_hang_or_are_refused_hurt_only_themselves(tmp_path: Path) -> None:
    add_fake(tmp_path, "trouble", TROUBLE)
    add_fake(tmp_path, "rows")
    bad = [CRASH, HANG, REFUSE, CRASH, REFUSE]
    asked = [("trouble", float(bad[n // 40]) if n % 40 == 20 else 1000.0 + n) for n in range(200)]
    asked += [("rows", 2000.0 + n) for n in range(100)]
    with target(tmp_path, "workers.run_limit_s=1") as server, ThreadPoolExecutor(16) as clients:
        answers = list(clients.map(lambda one: ask(server, *one), asked))
        worker_deaths = server.metric('headrace_worker_restarts_total{model="trouble",version="1"}')
    assert all(right for _, right in answers)
    told = Counter(
        (value if value in bad else "good", status) for (_, value), (status, _) in zip(asked, answers, strict=True)
    )
    assert told == {(CRASH, 503): 2, (HANG, 503): 1, (REFUSE, 400): 2, ("good", 200): 295}
    assert worker_deaths >= 6


def test_workers_killed_again_and_again_lose_no_request(tmp_path: Path) -> None:
    add_fake(tmp_path, "rows", "delay_ms = 5\n" + ROWS)
    answered: list[tuple[int, bool]] = []
    ended = threading.Event()
    with target(tmp_path) as server, ThreadPoolExecutor(8) as clients:

        def kill() -> int:
            kills = 0
            while not ended.is_set():
                until = len(answered) + 150
                wait_until(lambda until=until: ended.is_set() or len(answered) > until)  # type: ignore[misc]
                for pid in children(server.pid):
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                kills += 1
            return kills

        killing = clients.submit(kill)
        try:
            for _ in clients.map(lambda value: answered.append(ask(server, "rows", value)), range(1500)):
                pass
        finally:
            ended.set()
        assert killing.result() >= 8
    assert Counter(answered) == {(200, True): 1500}


def test_a_stopped_worker_is_replaced_and_what_it_ran_is_answered(tmp_path: Path) -> None:
    add_fake(tmp_path, "rows")
    with target(tmp_path) as server:
        (worker,) = children(server.pid)
        os.kill(worker, signal.SIGSTOP)
        assert ask(server, "rows", 1) == (200, True)
        wait_until(lambda: not alive(worker))


def test_a_worker_killed_while_it_loads_is_told_or_tried_again(tmp_path: Path) -> None:
    add_fake(tmp_path, "rows")
    with target(tmp_path) as server:
        add_fake(tmp_path, "slow", "delay_ms = 300\n" + ROWS)
        before = set(children(server.pid))
        for _ in range(3):
            with ThreadPoolExecutor(1) as client:
                loading = client.submit(server.post, "/v2/repository/models/slow/load", {})
                wait_until(lambda: len(children(server.pid)) > len(before))
                for pid in set(children(server.pid)) - before:
                    os.kill(pid, signal.SIGKILL)
                assert loading.result().status in (200, 400)
            server.post("/v2/repository/models/slow/unload", {})
        assert server.serves()
        assert set(children(server.pid)) == before


def test_a_model_whose_workers_all_die_is_told_as_failed_with_the_reason_and_as_ready_once_one_is_back(
    tmp_path: Path,
) -> None:
    add_fake(tmp_path, "trouble", TROUBLE)
    with target(tmp_path) as server:

        def told() -> list[tuple[str, str]]:
            events = json.loads(server.ask("GET", "/v2/headrace/models/trouble/events").body)
            return [(each["state"], each.get("reason", "")) for each in events if each["what"] == "version"]

        for _ in range(4):  # each runs alone once its first worker has died, so two deaths a request
            assert ask(server, "trouble", CRASH)[0] == 503
        wait_until(lambda: any(state == "UNAVAILABLE" for state, _ in told()))
        wait_until(lambda: told()[0][0] == "READY")
        reasons = [reason for state, reason in told() if state == "UNAVAILABLE"]
        assert all(reason.startswith("FAILED: its worker ") for reason in reasons), reasons
        assert ask(server, "trouble", 1) == (200, True)
        assert server.index()["trouble"]["state"] == "READY"


def test_a_full_queue_is_told_with_when_to_try_again(tmp_path: Path) -> None:
    add_fake(tmp_path, "slow", "delay_ms = 300\n" + ROWS)
    (tmp_path / "slow" / "model.toml").write_text("batching = { max_size = 2, max_queue = 4 }\n")
    with target(tmp_path) as server, ThreadPoolExecutor(40) as clients:
        answers = list(clients.map(lambda n: server.infer("slow", row(data=[n, n])), range(40)))
    refused = [answer for answer in answers if answer.status != 200]
    assert {answer.status for answer in refused} == {503}
    assert {answer.headers.get("retry-after") for answer in refused} <= {"1", "2"}  # six requests of 300 ms at most
    assert all(0 < int(answer.headers["retry-after-ms"]) <= 2_000 for answer in refused)
    assert {json.loads(answer.body)["code"] for answer in refused} == {"queue_full"}


def test_thousands_of_clients_that_leave_keep_nothing(tmp_path: Path) -> None:
    add_fake(tmp_path, "slow", "delay_ms = 20\n" + ROWS)
    body = json.dumps({"inputs": [row(shape=[64, 2], data=[1] * 128)]}).encode()
    with target(tmp_path) as server:

        def leave(times: int) -> int:
            for _ in range(times):
                with server.connect() as connection:
                    connection.sendall(request_bytes("/v2/models/slow/infer", body))
            wait_until(lambda: server.metric(IN_FLIGHT) == 0)
            assert server.metric('headrace_queue_requests{model="slow",version="1"}') == 0
            return resident_bytes(server.pid)

        before = leave(8000)  # by then the allocator has the reserve that it keeps
        assert leave(3000) < before + (4 << 20)
        assert ask(server, "slow", 1) == (200, True)


def shared_files(pid: int) -> set[Path]:
    """The files of shared memory that a process has mapped; those of other programs are none of ours."""
    maps = Path(f"/proc/{pid}/maps").read_text().splitlines()
    return {Path(line.split(maxsplit=5)[5]) for line in maps if "/dev/shm/" in line}


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])


@pytest.mark.parametrize("its_workers", ["wait", "hang", "are stopped"])
def test_a_killed_server_leaves_no_process_and_no_memory_behind(tmp_path: Path, its_workers: str) -> None:
    add_fake(tmp_path, "trouble", TROUBLE)
    with target(tmp_path) as server:
        workers = children(server.pid)
        assert workers
        workers += [parent(worker) for worker in workers if parent(worker) != server.pid]  # what they are forked from
        shared = {file for pid in (server.pid, *workers) for file in shared_files(pid)}
        with server.connect() as connection:
            if its_workers == "are stopped":
                for worker in workers:
                    os.kill(worker, signal.SIGSTOP)
            if its_workers == "hang":
                body = json.dumps({"inputs": [row(data=[HANG, 2])]}).encode()
                connection.sendall(request_bytes("/v2/models/trouble/infer", body))
                wait_until(lambda: server.metric(IN_FLIGHT) == 1)
            server.program.stop(signal.SIGKILL)
    wait_until(lambda: not any(map(alive, workers)))
    assert not {file for file in shared if file.exists()}


def test_a_second_signal_ends_a_drain_and_the_workers(tmp_path: Path) -> None:
    add_fake(tmp_path, "trouble", TROUBLE)
    with target(tmp_path) as server, server.connect() as connection:
        workers = children(server.pid)
        body = json.dumps({"inputs": [row(data=[HANG, 2])]}).encode()
        connection.sendall(request_bytes("/v2/models/trouble/infer", body))
        wait_until(lambda: server.metric(IN_FLIGHT) == 1)
        os.kill(server.pid, signal.SIGTERM)
        wait_until(lambda: not listens(server))
        assert server.program.stop(signal.SIGTERM) == -signal.SIGTERM
    wait_until(lambda: not any(map(alive, workers)))


def test_no_kept_connection_is_reset_when_a_server_under_load_is_told_to_stop(tmp_path: Path) -> None:
    add_fake(tmp_path, "rows")
    body, statuses = json.dumps({"inputs": [row()]}), Counter[int]()

    def last_of_many(connection: http.client.HTTPConnection) -> tuple[int, bool]:
        while True:
            connection.request("POST", "/v2/models/rows/infer", body)
            response = connection.getresponse()
            response.read()
            statuses[response.status] += 1
            if response.will_close:
                return response.status, response.status == 200 or response.getheader("Retry-After") == "1"

    with target(tmp_path) as server, ThreadPoolExecutor(8) as clients:
        kept = [http.client.HTTPConnection(server.http, timeout=30) for _ in range(8)]
        for connection in kept:
            connection.connect()
        asking = [clients.submit(last_of_many, connection) for connection in kept]
        wait_until(lambda: statuses[200] > 200)
        assert server.program.stop() == 0
        assert {asked.result() for asked in asking} <= {(200, True), (503, True)}


def listens(server: Target) -> bool:
    try:
        server.connect().close()
    except ConnectionRefusedError:
        return False
    return True


@pytest.mark.parametrize("isolation", ["process", "none"])
def test_a_server_told_to_stop_while_it_loads_stops(tmp_path: Path, isolation: str) -> None:
    add_fake(tmp_path, "slow", "delay_ms = 400\n" + ROWS)
    command = [sys.executable, "-m", "headrace", "serve", str(tmp_path), *ANY_PORTS]
    command += ["--set", f"workers.isolation={isolation}", "--set", "server.drain_s=5"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            workers: list[int] = []

            def loads() -> bool:
                workers[:] = children(process.pid)
                return bool(workers) if isolation == "process" else num_sockets(process.pid) > 3

            wait_until(loads)
            process.send_signal(signal.SIGTERM)
            _, told = process.communicate(timeout=30)
            assert (process.returncode, "Traceback" in told) == (0, False), told
        finally:
            process.kill()
    wait_until(lambda: not any(map(alive, workers)))

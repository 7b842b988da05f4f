"""The facts that `headrace doctor` judges."""

import socket
from pathlib import Path

from headrace.cli.machine import free_bytes, look, taken_ports, versions
from headrace.cli.serve import refuse_taken_port
from headrace.settings import Llm, Server

FREE_PORTS = Server(http_port=0, grpc_port=0)


def test_this_machine_has_cores_memory_and_files() -> None:
    machine = look(FREE_PORTS, Llm(kernels="openvino"))
    assert 0 < machine.cores_allowed <= machine.cores_present
    assert 0 < machine.memory.free_bytes <= machine.memory.total_bytes
    assert machine.open_files > 0
    assert machine.kernels.told == "OpenVINO's, as llm.kernels says"
    assert machine.decisions in ("compiled", "as Python")
    assert machine.taken_ports == {}


def test_a_package_that_is_not_installed_has_no_version() -> None:
    found = versions(["msgspec", "no-such-package-as-this"])
    assert found["msgspec"]
    assert found["no-such-package-as-this"] is None


def test_where_there_is_no_folder_there_is_no_room(tmp_path: Path) -> None:
    assert free_bytes(tmp_path / "none") is None
    assert free_bytes(tmp_path)


def test_a_taken_port_is_told_by_its_setting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        taken = taken_ports(Server(http_port=0, grpc_port=port), refuse_taken_port)
    assert list(taken) == ["server.grpc_port"]
    assert f"port {port} of 127.0.0.1 is in use" in taken["server.grpc_port"]


def test_without_grpc_its_port_does_not_matter() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert taken_ports(Server(http_port=0, grpc_port=port, grpc=False), refuse_taken_port) == {}

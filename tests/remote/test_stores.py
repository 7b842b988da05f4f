"""Each kind of address leads to the store that speaks for it."""

from pathlib import Path

from headrace.remote.address import parse_address
from headrace.remote.hub import Hub
from headrace.remote.hub_folder import HubFolder
from headrace.remote.registry import Registry
from headrace.remote.store import ObjectStore
from headrace.remote.stores import store_at


def test_each_kind_of_address_has_its_store(tmp_path: Path) -> None:
    kinds = {"oci://r.io/a": Registry, "hf://org/model": Hub, "https://host/models": ObjectStore}
    assert {text: type(store_at(parse_address(text), {})) for text in kinds} == kinds
    assert isinstance(store_at(parse_address("hf://org/model"), {}, str(tmp_path)), HubFolder)

"""An address -> the store that it leads to."""

from collections.abc import Mapping
from pathlib import Path

from headrace.remote.address import Address
from headrace.remote.hub import Hub
from headrace.remote.hub_folder import HubFolder
from headrace.remote.registry import Registry
from headrace.remote.store import ObjectStore, Store


def store_at(address: Address, environment: Mapping[str, str], hub_folder: str = "") -> Store:
    """`hub_folder` is asked in place of the hub, where it is said. Raises RemoteFault as `ObjectStore`."""
    if address.kind == "oci":
        return Registry(address, environment)
    if address.kind == "hf":
        return HubFolder(address, Path(hub_folder).absolute()) if hub_folder else Hub(address, environment)
    return ObjectStore(address, environment)

"""Which names in a `Host` header are the server's whatever the settings say: addresses, and those of loopback."""

from ipaddress import IPv4Address, IPv6Address, ip_address


def host_name(host: str) -> str:
    """The name or address in a Host header, without the port."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].lower().rstrip(".")


def is_own(name: str) -> bool:
    """An address, which nobody can make a false name of; or loopback's name."""
    return name == "localhost" or name.endswith(".localhost") or address(name) is not None


def address(said: str) -> IPv4Address | IPv6Address | None:
    """The address that this is, IPv4's where it is one in IPv6's clothes; or None."""
    try:
        found = ip_address(said)
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found

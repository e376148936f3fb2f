"""Which addresses may be fetched from: a URL or redirect must never reach into the newsroom's own network."""

from ipaddress import IPv6Address, ip_address, ip_network

# What `is_global` lets through and yet does not lead to a stranger's public server.
_ALSO_REFUSED = tuple(
    ip_network(net)
    for net in (
        "168.63.129.16/32",  # Azure's host service: public by number, local by routing
        "192.0.0.0/24",  # IETF assignments; Oracle's metadata service lives in it
        "192.88.99.0/24",  # 6to4 relays
        "64:ff9b::/96",  # NAT64: any IPv4 address, private ones too
        "64:ff9b:1::/48",  # NAT64 for local use
        "2002::/16",  # 6to4, likewise
        "fec0::/10",  # site-local, deprecated but routed in old networks
    )
)


def refusal(address: str) -> str | None:
    """Why a connection to an IP address is refused (for an editor), or None if it is a public one.

    Args:
        address: An IPv4 or IPv6 address in text, a zone (`%eth0`) allowed.
    """
    ip = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped is not None:
        return f"{address} est une adresse IPv4 déguisée"
    if ip.is_multicast or not ip.is_global or any(ip in net for net in _ALSO_REFUSED if net.version == ip.version):
        return f"{address} n’est pas une adresse publique"
    return None

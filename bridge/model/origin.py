"""Whose an address is: what counts as one where clients are told apart by where they come from."""

from ipaddress import ip_address, ip_network

NETWORK_BITS = 64
"""Of an IPv6 address: whoever has one has all of its network."""


def origin(peer: str) -> str:
    """The address itself, or its network; what is no address stays as it is."""
    try:
        address = ip_address(peer.partition("%")[0])
    except ValueError:
        return peer
    if address.version == 4:
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ip_network((address, NETWORK_BITS), strict=False))

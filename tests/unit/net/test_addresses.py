"""Every way we know of naming a private address is refused."""

import pytest

from bot.net.addresses import refusal

REFUSED = [
    "127.0.0.1",
    "127.8.8.8",
    "0.0.0.0",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",  # CGNAT
    "100.100.100.200",  # Alibaba's metadata
    "169.254.169.254",  # metadata of most clouds
    "168.63.129.16",  # Azure
    "192.0.0.192",  # Oracle
    "224.0.0.1",
    "255.255.255.255",
    "240.0.0.1",
    "::",
    "::1",
    "fe80::1%eth0",
    "fc00::1",
    "fd00:ec2::254",  # AWS metadata
    "fec0::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "64:ff9b::7f00:1",
    "64:ff9b::808:808",
    "64:ff9b:1::1",
    "2002:7f00:1::",
    "2001:db8::1",
    "2001::1",  # Teredo
]


@pytest.mark.parametrize("address", REFUSED)
def test_refused(address: str) -> None:
    assert refusal(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "193.252.122.103", "2606:4700::1111", "2a01:c9c0::1"])
def test_public(address: str) -> None:
    assert refusal(address) is None

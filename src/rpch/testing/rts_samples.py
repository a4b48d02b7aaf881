"""One of each RTS PDU, with values that are easy to see in the bytes.

Cookies count upwards: 10..1f is the virtual connection, 20..2f its OUT channel, 30..3f its IN channel, 40..4f
the association group, 50..5f a new OUT channel and 60..6f a new IN channel.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from typing import Final

from rpch.rts import pdus
from rpch.rts.commands import (
    Ance,
    AssociationGroupId,
    ChannelLifetime,
    ClientAddress,
    ClientKeepalive,
    ConnectionTimeout,
    Cookie,
    Destination,
    Empty,
    FlowControlAck,
    ForwardDestination,
    NegativeAnce,
    PingTrafficSentNotify,
    ReceiveWindowSize,
    Version,
)


def counting(start: int) -> bytes:
    """Sixteen bytes that count upwards."""
    return bytes(range(start, start + 16))


CONNECTION: Final = Cookie(counting(0x10))
OUT_CHANNEL: Final = Cookie(counting(0x20))
IN_CHANNEL: Final = Cookie(counting(0x30))
GROUP: Final = AssociationGroupId(counting(0x40))
NEW_OUT_CHANNEL: Final = Cookie(counting(0x50))
NEW_IN_CHANNEL: Final = Cookie(counting(0x60))
VERSION: Final = Version(1)
WINDOW: Final = ReceiveWindowSize(65_536)
LIFETIME: Final = ChannelLifetime(1 << 30)
TIMEOUT: Final = ConnectionTimeout(120_000)
KEEPALIVE: Final = ClientKeepalive(300_000)
CLIENT_V4: Final = ClientAddress(IPv4Address("192.0.2.1"))
CLIENT_V6: Final = ClientAddress(IPv6Address("2001:db8::1"))
TO_CLIENT: Final = Destination(ForwardDestination.CLIENT)
TO_SERVER: Final = Destination(ForwardDestination.SERVER)
TO_OUT_PROXY: Final = Destination(ForwardDestination.OUT_PROXY)

_NEW_IN = (VERSION, CONNECTION, IN_CHANNEL, NEW_IN_CHANNEL)
_NEW_OUT = (VERSION, CONNECTION, OUT_CHANNEL, NEW_OUT_CHANNEL)
_IN_ACK = FlowControlAck(0x9000, 0x10000, IN_CHANNEL.value)
_OUT_ACK = FlowControlAck(0x9000, 0x10000, OUT_CHANNEL.value)

# In the order of MS-RPCH 2.2.4.
SAMPLES: Final[tuple[pdus.RtsPdu, ...]] = (
    pdus.ConnA1(VERSION, CONNECTION, OUT_CHANNEL, WINDOW),
    pdus.ConnA2(VERSION, CONNECTION, OUT_CHANNEL, LIFETIME, WINDOW),
    pdus.ConnA3(TIMEOUT),
    pdus.ConnB1(VERSION, CONNECTION, IN_CHANNEL, LIFETIME, KEEPALIVE, GROUP),
    pdus.ConnB2(VERSION, CONNECTION, IN_CHANNEL, WINDOW, TIMEOUT, GROUP, CLIENT_V4),
    pdus.ConnB3(WINDOW, VERSION),
    pdus.ConnC1(VERSION, WINDOW, TIMEOUT),
    pdus.ConnC2(VERSION, WINDOW, TIMEOUT),
    pdus.InR1A1(*_NEW_IN),
    pdus.InR1A2(*_NEW_IN, WINDOW, TIMEOUT),
    pdus.InR1A3(TO_CLIENT, VERSION, WINDOW, TIMEOUT),
    pdus.InR1A4(TO_CLIENT, VERSION, WINDOW, TIMEOUT),
    pdus.InR1A5(NEW_IN_CHANNEL),
    pdus.InR1A6(NEW_IN_CHANNEL),
    pdus.InR1B1(Empty()),
    pdus.InR1B2(WINDOW),
    pdus.InR2A2(NEW_IN_CHANNEL),
    pdus.InR2A3(TO_CLIENT),
    pdus.InR2A4(TO_CLIENT),
    pdus.InR2A5(NEW_IN_CHANNEL),
    pdus.OutR1A1(TO_CLIENT),
    pdus.OutR1A2(TO_CLIENT),
    pdus.OutR1A3(*_NEW_OUT, WINDOW),
    pdus.OutR1A4(*_NEW_OUT, LIFETIME, WINDOW, TIMEOUT),
    pdus.OutR1A5(TO_CLIENT, VERSION, TIMEOUT),
    pdus.OutR1A6(TO_CLIENT, VERSION, TIMEOUT),
    pdus.OutR1A7(TO_SERVER, NEW_OUT_CHANNEL),
    pdus.OutR1A8(TO_SERVER, NEW_OUT_CHANNEL),
    pdus.OutR1A9(Ance()),
    pdus.OutR1A10(Ance()),
    pdus.OutR1A11(Ance()),
    pdus.OutR2A4(NEW_OUT_CHANNEL),
    pdus.OutR2A5(TO_CLIENT, Ance()),
    pdus.OutR2A6(TO_CLIENT, Ance()),
    pdus.OutR2A7(TO_SERVER, NEW_OUT_CHANNEL, VERSION),
    pdus.OutR2A8(TO_SERVER, NEW_OUT_CHANNEL),
    pdus.OutR2B1(Ance()),
    pdus.OutR2B2(NegativeAnce()),
    pdus.OutR2B3(Ance()),
    pdus.OutR2C1(Empty()),
    pdus.KeepAlive(ClientKeepalive(60_000)),
    pdus.PingTrafficSent(PingTrafficSentNotify(1040)),
    pdus.Echo(),
    pdus.Ping(),
    pdus.Ack(_IN_ACK),
    pdus.AckWithDestination(TO_OUT_PROXY, _OUT_ACK),
)


def same_bytes(kind: type[pdus.RtsPdu], pdu: pdus.RtsPdu) -> bool:
    """Whether two PDUs cannot be told apart by their bytes."""
    return (kind.FLAGS, kind.COMMANDS) == (pdu.FLAGS, pdu.COMMANDS)

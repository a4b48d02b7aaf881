"""The fifteen RTS commands.  MS-RPCH 2.2.3.5

A command is a 4-byte type and a body whose size the type decides. There is no length field, so a
command of unknown type makes the rest of its PDU unreadable.
"""

import struct
from enum import IntEnum
from ipaddress import IPv4Address, IPv6Address
from typing import Annotated, ClassVar, Self

from rpch.errors import DecodeError
from rpch.wire import U32, Reader, Record, octets

KIND = struct.Struct("<I")
PADDING_LIMIT = 0xFFFF

COMMANDS: dict[int, type["RtsCommand"]] = {}

CookieBytes = Annotated[bytes, octets(16)]


class ForwardDestination(IntEnum):
    """The party an RTS PDU is meant for.  MS-RPCH 2.2.3.3"""

    CLIENT = 0
    IN_PROXY = 1
    SERVER = 2
    OUT_PROXY = 3


class RtsCommand(Record):
    """One command in the body of an RTS PDU.  MS-RPCH 2.2.3.5"""

    KIND: ClassVar[int]
    SENT: ClassVar[range | None]  # what a conforming party sends; receivers take any value

    def __init_subclass__(cls, *, kind: int, sent: range | None = None) -> None:
        super().__init_subclass__()
        cls.KIND, cls.SENT = kind, sent
        COMMANDS[kind] = cls

    def encode(self) -> bytes:
        return KIND.pack(self.KIND) + super().encode()

    @property
    def sendable(self) -> bool:
        """Whether a conforming party may send this value."""
        return self.SENT is None or next(iter(vars(self).values())) in self.SENT


class ReceiveWindowSize(RtsCommand, kind=0x0, sent=range(0x2000, 0x40000 + 1)):
    """The receive window a party offers, in bytes.  MS-RPCH 2.2.3.5.1"""

    size: U32


class FlowControlAck(RtsCommand, kind=0x1):
    """What a receiver took from one channel, and what it can still take.  MS-RPCH 2.2.3.5.2"""

    bytes_received: U32
    available_window: U32
    channel: CookieBytes


class ConnectionTimeout(RtsCommand, kind=0x2, sent=range(120_000, 14_400_000 + 1)):
    """How long network agents let an idle channel live.  MS-RPCH 2.2.3.5.3"""

    milliseconds: U32


class Cookie(RtsCommand, kind=0x3):
    """Names one virtual connection or one channel.  MS-RPCH 2.2.3.5.4"""

    value: CookieBytes


class ChannelLifetime(RtsCommand, kind=0x4, sent=range(0x20000, 0x80000000 + 1)):
    """How many bytes one channel may carry.  MS-RPCH 2.2.3.5.5"""

    size: U32


class ClientKeepalive(RtsCommand, kind=0x5):
    """How often the inbound proxy keeps its server leg alive.  MS-RPCH 2.2.3.5.6"""

    milliseconds: U32

    DEFAULT: ClassVar[int] = 300_000
    LEAST: ClassVar[int] = 60_000

    @property
    def interval(self) -> float:
        """The interval in seconds; 0 on the wire asks for the default."""
        return (self.milliseconds or self.DEFAULT) / 1000

    @property
    def sendable(self) -> bool:
        """Whether a conforming party may send this value."""
        return self.milliseconds == 0 or self.milliseconds >= self.LEAST


class Version(RtsCommand, kind=0x6, sent=range(1, 2)):
    """The version of RPC over HTTP the sender speaks; ignored on receipt.  MS-RPCH 2.2.3.5.7"""

    number: U32


class Empty(RtsCommand, kind=0x7):
    """Nothing; makes a PDU recognisable.  MS-RPCH 2.2.3.5.8"""


class Padding(RtsCommand, kind=0x8, sent=range(PADDING_LIMIT + 1)):
    """Bytes without meaning, to bring a PDU to a size.  MS-RPCH 2.2.3.5.9"""

    size: int

    def encode(self) -> bytes:
        return KIND.pack(self.KIND) + KIND.pack(self.size) + bytes(self.size)

    @classmethod
    def read(cls, reader: Reader) -> Self:
        (size,) = reader.unpack(KIND)
        if size > PADDING_LIMIT:
            raise DecodeError(f"{size} bytes of padding", at=reader.at - 4)
        reader.take(size)
        return cls(size)


class NegativeAnce(RtsCommand, kind=0x9):
    """The successor channel was not established.  MS-RPCH 2.2.3.5.10"""


class Ance(RtsCommand, kind=0xA):
    """The successor channel was established.  MS-RPCH 2.2.3.5.11"""


class ClientAddress(RtsCommand, kind=0xB):
    """The client's address as the inbound proxy saw it; for information only.  MS-RPCH 2.2.3.5.12

    The text puts addresses in little-endian order. Observed: peers write an IPv4 address as a
    little-endian integer and an IPv6 address as its plain bytes, and so do we.
    """

    address: IPv4Address | IPv6Address

    PAD: ClassVar[bytes] = bytes(12)

    def encode(self) -> bytes:
        match self.address:
            case IPv4Address():
                body = KIND.pack(0) + self.address.packed[::-1]
            case IPv6Address():
                body = KIND.pack(1) + self.address.packed
        return KIND.pack(self.KIND) + body + self.PAD

    @classmethod
    def read(cls, reader: Reader) -> Self:
        (family,) = reader.unpack(KIND)
        address: IPv4Address | IPv6Address
        match family:
            case 0:
                address = IPv4Address(bytes(reader.take(4)[::-1]))
            case 1:
                address = IPv6Address(bytes(reader.take(16)))
            case _:
                raise DecodeError(f"address type {family}", at=reader.at - 4)
        reader.take(len(cls.PAD))
        return cls(address)


class AssociationGroupId(RtsCommand, kind=0xC):
    """Tells client processes apart behind one proxy.  MS-RPCH 2.2.3.5.13"""

    value: CookieBytes


class Destination(RtsCommand, kind=0xD, sent=range(len(ForwardDestination))):
    """Whom this PDU is meant for; the parties in between forward it unchanged.  MS-RPCH 2.2.3.5.14"""

    party: U32


class PingTrafficSentNotify(RtsCommand, kind=0xE):
    """How many bytes of pings the outbound proxy has added to the channel.  MS-RPCH 2.2.3.5.15"""

    size: U32


def read_command(reader: Reader) -> RtsCommand:
    """The next command; `DecodeError` when its type is unknown."""
    (kind,) = reader.unpack(KIND)
    command = COMMANDS.get(kind)
    if command is None:
        raise DecodeError(f"unknown RTS command 0x{kind:x}", at=reader.at - 4)
    return command.read(reader)

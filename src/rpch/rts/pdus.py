"""Every RTS PDU.  MS-RPCH 2.2.4

A PDU is a named run of commands. Many are bit-identical: which one it is depends on the leg it came
from and on the state of the receiver, so `decode` is told what is legal there.
"""

# long: a catalogue, one short class for each PDU of the specification.

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntFlag
from typing import ClassVar, NamedTuple, dataclass_transform

from rpch.errors import DecodeError, UnrecognisedPdu
from rpch.rts import acknowledgements
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
    NegativeAnce,
    PingTrafficSentNotify,
    ReceiveWindowSize,
    RtsCommand,
    Version,
    read_command,
)
from rpch.wire import Reader

# rpc_vers, rpc_vers_minor, PTYPE, pfc_flags, packed_drep, frag_length, auth_length, call_id, Flags, count
HEADER = struct.Struct("<BBBBIHHIHH")
RTS = 20
FIRST_AND_LAST = 3
LITTLE_ENDIAN = 0x10

# What never differs, apart from the lengths: rpc_vers, PTYPE, pfc_flags, packed_drep, auth_length, call_id
CONSTANTS = (5, RTS, FIRST_AND_LAST, LITTLE_ENDIAN, 0, 0)
OFFSETS = (0, 2, 3, 4, 10, 12)

CATALOGUE: list[type["RtsPdu"]] = []


class RtsFlags(IntFlag):
    """What kind of RTS PDU it is.  MS-RPCH 2.2.3.6.1"""

    NONE = 0
    PING = 0x01
    OTHER_CMD = 0x02
    RECYCLE_CHANNEL = 0x04
    IN_CHANNEL = 0x08
    OUT_CHANNEL = 0x10
    EOF = 0x20
    ECHO = 0x40


OTHER_CMD = RtsFlags.OTHER_CMD
FLAGS = tuple(map(RtsFlags, range(0x80)))  # every combination; quicker than to ask the Enum for each PDU


@dataclass_transform(frozen_default=True)
class RtsPdu:
    """A named run of commands. Flags and command types identify it.  MS-RPCH 2.2.4.1"""

    FLAGS: ClassVar[RtsFlags]
    COMMANDS: ClassVar[tuple[type[RtsCommand], ...]]
    ROLES: ClassVar[tuple[str, ...]]  # what each command is for
    NAME: ClassVar[str]

    def __init_subclass__(cls, *, flags: RtsFlags, name: str) -> None:
        dataclass(frozen=True)(cls)
        cls.FLAGS, cls.NAME = flags, name
        declared = cls.__dict__.get("__annotations__", {})
        cls.ROLES, cls.COMMANDS = tuple(declared), tuple(declared.values())
        CATALOGUE.append(cls)

    def encode(self) -> bytes:
        return encode(self.FLAGS, vars(self).values())

    @property
    def sendable(self) -> bool:
        """Whether a conforming party may send these values; receivers take any.  MS-RPCH 2.2.3.5"""
        return all(command.sendable for command in vars(self).values())


class RtsMessage(NamedTuple):
    """An RTS PDU that is well formed, before it is known which one it is."""

    flags: RtsFlags
    commands: tuple[RtsCommand, ...]

    @property
    def destination(self) -> int | None:
        """The party it is to be forwarded to, if it names one.  MS-RPCH 3.2.1.5.2"""
        if self.commands and isinstance(first := self.commands[0], Destination):
            return first.party
        return None

    def is_a(self, kind: type[RtsPdu]) -> bool:
        """Whether flags and command types are those of `kind`."""
        return (
            self.flags == kind.FLAGS
            and len(self.commands) == len(kind.COMMANDS)
            and all(map(isinstance, self.commands, kind.COMMANDS))
        )

    def __str__(self) -> str:
        names = ", ".join(type(command).__name__ for command in self.commands)
        return f"flags 0x{self.flags:04x} with {names or 'no command'}"


def encode(flags: int, commands: Iterable[RtsCommand]) -> bytes:
    """One RTS PDU of these commands."""
    bodies = [command.encode() for command in commands]
    size = HEADER.size + sum(map(len, bodies))
    head = HEADER.pack(5, 0, RTS, FIRST_AND_LAST, LITTLE_ENDIAN, size, 0, 0, flags, len(bodies))
    return head + b"".join(bodies)


def read_message(data: bytes) -> RtsMessage:
    """The flags and commands of one whole RTS PDU, exact to the byte.  MS-RPCH 2.2.3.6"""
    if (ack := acknowledgements.read(data)) is not None:
        return RtsMessage(OTHER_CMD, ack)
    reader = Reader(bytes(data))
    major, minor, kind, pfc, drep, size, auth, call, flags, count = reader.unpack(HEADER)
    if (constants := (major, kind, pfc, drep, auth, call)) != CONSTANTS:
        at = next(at for at, value, must in zip(OFFSETS, constants, CONSTANTS, strict=True) if value != must)
        raise DecodeError("not the header of an RTS PDU", at=at)
    if minor > 1:
        raise DecodeError(f"rpc_vers_minor {minor}", at=1)
    if size != len(data):
        raise DecodeError(f"frag_length {size} on {len(data)} bytes", at=8)
    if flags >= len(FLAGS):
        raise DecodeError(f"unknown RTS flags 0x{flags:04x}", at=16)
    commands = tuple([read_command(reader) for _ in range(count)])
    reader.finish()
    return RtsMessage(FLAGS[flags], commands)


def recognise(message: RtsMessage, legal: Iterable[type[RtsPdu]]) -> RtsPdu:
    """Name a message among the PDUs that are legal here."""
    for kind in legal:
        if message.is_a(kind):
            return kind(*message.commands)
    raise UnrecognisedPdu(str(message))


def decode(data: bytes, *, legal: Iterable[type[RtsPdu]]) -> RtsPdu:
    """Recognise one RTS PDU among those legal on this channel, in this state."""
    return recognise(read_message(data), legal)


# Opening  MS-RPCH 2.2.4.2 to 2.2.4.9


class ConnA1(RtsPdu, flags=RtsFlags.NONE, name="CONN/A1"):
    """Client to outbound proxy, OUT channel: open a connection.  MS-RPCH 2.2.4.2"""

    version: Version
    virtual_connection: Cookie
    out_channel: Cookie
    window: ReceiveWindowSize


class ConnA2(RtsPdu, flags=RtsFlags.OUT_CHANNEL, name="CONN/A2"):
    """Outbound proxy to server: here is the OUT half of a connection.  MS-RPCH 2.2.4.3"""

    version: Version
    virtual_connection: Cookie
    out_channel: Cookie
    lifetime: ChannelLifetime
    window: ReceiveWindowSize


class ConnA3(RtsPdu, flags=RtsFlags.NONE, name="CONN/A3"):
    """Outbound proxy to client, OUT channel: the proxy accepts.  MS-RPCH 2.2.4.4"""

    timeout: ConnectionTimeout


class ConnB1(RtsPdu, flags=RtsFlags.NONE, name="CONN/B1"):
    """Client to inbound proxy, IN channel: open a connection.  MS-RPCH 2.2.4.5"""

    version: Version
    virtual_connection: Cookie
    in_channel: Cookie
    lifetime: ChannelLifetime
    keepalive: ClientKeepalive
    group: AssociationGroupId


class ConnB2(RtsPdu, flags=RtsFlags.IN_CHANNEL, name="CONN/B2"):
    """Inbound proxy to server: here is the IN half of a connection.  MS-RPCH 2.2.4.6"""

    version: Version
    virtual_connection: Cookie
    in_channel: Cookie
    window: ReceiveWindowSize
    timeout: ConnectionTimeout
    group: AssociationGroupId
    client: ClientAddress


class ConnB3(RtsPdu, flags=RtsFlags.NONE, name="CONN/B3"):
    """Server to inbound proxy: the connection is open.  MS-RPCH 2.2.4.7"""

    window: ReceiveWindowSize
    version: Version


class ConnC1(RtsPdu, flags=RtsFlags.NONE, name="CONN/C1"):
    """Server to outbound proxy: the connection is open.  MS-RPCH 2.2.4.8"""

    version: Version
    window: ReceiveWindowSize
    timeout: ConnectionTimeout


class ConnC2(RtsPdu, flags=RtsFlags.NONE, name="CONN/C2"):
    """Outbound proxy to client: the connection is open.  MS-RPCH 2.2.4.9"""

    version: Version
    window: ReceiveWindowSize
    timeout: ConnectionTimeout


# A new IN channel, on another proxy (IN_R1) or on the same (IN_R2)  MS-RPCH 2.2.4.10 to 2.2.4.22


class InR1A1(RtsPdu, flags=RtsFlags.RECYCLE_CHANNEL, name="IN_R1/A1"):
    """Client to successor inbound proxy: replace an IN channel.  MS-RPCH 2.2.4.10, 2.2.4.18"""

    version: Version
    virtual_connection: Cookie
    predecessor: Cookie
    successor: Cookie


class InR1A2(RtsPdu, flags=RtsFlags.IN_CHANNEL | RtsFlags.RECYCLE_CHANNEL, name="IN_R1/A2"):
    """Successor inbound proxy to server.  MS-RPCH 2.2.4.11"""

    version: Version
    virtual_connection: Cookie
    predecessor: Cookie
    successor: Cookie
    window: ReceiveWindowSize
    timeout: ConnectionTimeout


class InR1A3(RtsPdu, flags=RtsFlags.NONE, name="IN_R1/A3"):
    """Server to outbound proxy, for the client.  MS-RPCH 2.2.4.12"""

    destination: Destination
    version: Version
    window: ReceiveWindowSize
    timeout: ConnectionTimeout


class InR1A4(RtsPdu, flags=RtsFlags.NONE, name="IN_R1/A4"):
    """Outbound proxy to client: the successor is known to the server.  MS-RPCH 2.2.4.13"""

    destination: Destination
    version: Version
    window: ReceiveWindowSize
    timeout: ConnectionTimeout


class InR1A5(RtsPdu, flags=RtsFlags.NONE, name="IN_R1/A5"):
    """Client to predecessor inbound proxy: nothing follows here.  MS-RPCH 2.2.4.14"""

    successor: Cookie


class InR1A6(RtsPdu, flags=RtsFlags.NONE, name="IN_R1/A6"):
    """Predecessor inbound proxy to server.  MS-RPCH 2.2.4.15"""

    successor: Cookie


class InR1B1(RtsPdu, flags=RtsFlags.NONE, name="IN_R1/B1"):
    """Predecessor inbound proxy to server: the last PDU has passed.  MS-RPCH 2.2.4.16"""

    empty: Empty


class InR1B2(RtsPdu, flags=RtsFlags.NONE, name="IN_R1/B2"):
    """Server to successor inbound proxy: begin.  MS-RPCH 2.2.4.17"""

    window: ReceiveWindowSize


class InR2A2(RtsPdu, flags=RtsFlags.NONE, name="IN_R2/A2"):
    """Inbound proxy to server, over the leg they have.  MS-RPCH 2.2.4.19"""

    successor: Cookie


class InR2A3(RtsPdu, flags=RtsFlags.NONE, name="IN_R2/A3"):
    """Server to outbound proxy, for the client.  MS-RPCH 2.2.4.20"""

    destination: Destination


class InR2A4(RtsPdu, flags=RtsFlags.NONE, name="IN_R2/A4"):
    """Outbound proxy to client: the successor is known to the server.  MS-RPCH 2.2.4.21"""

    destination: Destination


class InR2A5(RtsPdu, flags=RtsFlags.NONE, name="IN_R2/A5"):
    """Client to inbound proxy, on the predecessor: nothing follows here.  MS-RPCH 2.2.4.22"""

    successor: Cookie


# A new OUT channel, on another proxy (OUT_R1) or on the same (OUT_R2)  MS-RPCH 2.2.4.23 to 2.2.4.45


class OutR1A1(RtsPdu, flags=RtsFlags.RECYCLE_CHANNEL, name="OUT_R1/A1"):
    """Server to outbound proxy, for the client: replace the OUT channel.  MS-RPCH 2.2.4.23, 2.2.4.34"""

    destination: Destination


class OutR1A2(RtsPdu, flags=RtsFlags.RECYCLE_CHANNEL, name="OUT_R1/A2"):
    """Outbound proxy to client: replace the OUT channel.  MS-RPCH 2.2.4.24, 2.2.4.35"""

    destination: Destination


class OutR1A3(RtsPdu, flags=RtsFlags.RECYCLE_CHANNEL, name="OUT_R1/A3"):
    """Client to successor outbound proxy.  MS-RPCH 2.2.4.25, 2.2.4.36"""

    version: Version
    virtual_connection: Cookie
    predecessor: Cookie
    successor: Cookie
    window: ReceiveWindowSize


class OutR1A4(RtsPdu, flags=RtsFlags.OUT_CHANNEL | RtsFlags.RECYCLE_CHANNEL, name="OUT_R1/A4"):
    """Successor outbound proxy to server.  MS-RPCH 2.2.4.26"""

    version: Version
    virtual_connection: Cookie
    predecessor: Cookie
    successor: Cookie
    lifetime: ChannelLifetime
    window: ReceiveWindowSize
    timeout: ConnectionTimeout


class OutR1A5(RtsPdu, flags=RtsFlags.OUT_CHANNEL, name="OUT_R1/A5"):
    """Server to predecessor outbound proxy, for the client.  MS-RPCH 2.2.4.27"""

    destination: Destination
    version: Version
    timeout: ConnectionTimeout


class OutR1A6(RtsPdu, flags=RtsFlags.OUT_CHANNEL, name="OUT_R1/A6"):
    """Predecessor outbound proxy to client.  MS-RPCH 2.2.4.28"""

    destination: Destination
    version: Version
    timeout: ConnectionTimeout


class OutR1A7(RtsPdu, flags=RtsFlags.OUT_CHANNEL, name="OUT_R1/A7"):
    """Client to inbound proxy, for the server: the successor is there.  MS-RPCH 2.2.4.29"""

    destination: Destination
    successor: Cookie


class OutR1A8(RtsPdu, flags=RtsFlags.OUT_CHANNEL, name="OUT_R1/A8"):
    """Inbound proxy to server: the successor is there.  MS-RPCH 2.2.4.30"""

    destination: Destination
    successor: Cookie


class OutR1A9(RtsPdu, flags=RtsFlags.NONE, name="OUT_R1/A9"):
    """Server to predecessor outbound proxy: nothing follows here.  MS-RPCH 2.2.4.31"""

    ance: Ance


class OutR1A10(RtsPdu, flags=RtsFlags.NONE, name="OUT_R1/A10"):
    """Predecessor outbound proxy to client: nothing follows here.  MS-RPCH 2.2.4.32"""

    ance: Ance


class OutR1A11(RtsPdu, flags=RtsFlags.NONE, name="OUT_R1/A11"):
    """Client to successor outbound proxy: begin.  MS-RPCH 2.2.4.33"""

    ance: Ance


class OutR2A4(RtsPdu, flags=RtsFlags.NONE, name="OUT_R2/A4"):
    """Outbound proxy to server, over the leg they have.  MS-RPCH 2.2.4.37"""

    successor: Cookie


class OutR2A5(RtsPdu, flags=RtsFlags.NONE, name="OUT_R2/A5"):
    """Server to outbound proxy, for the client.  MS-RPCH 2.2.4.38"""

    destination: Destination
    ance: Ance


class OutR2A6(RtsPdu, flags=RtsFlags.NONE, name="OUT_R2/A6"):
    """Outbound proxy to client.  MS-RPCH 2.2.4.39"""

    destination: Destination
    ance: Ance


class OutR2A7(RtsPdu, flags=RtsFlags.OUT_CHANNEL, name="OUT_R2/A7"):
    """Client to inbound proxy, for the server: the successor is there.  MS-RPCH 2.2.4.40"""

    destination: Destination
    successor: Cookie
    version: Version


class OutR2A8(RtsPdu, flags=RtsFlags.OUT_CHANNEL, name="OUT_R2/A8"):
    """Inbound proxy to server, as the text defines it: without A7's version.  MS-RPCH 2.2.4.41

    Forwarding changes nothing, so what arrives at a server is A7 itself; both are accepted.
    """

    destination: Destination
    successor: Cookie


class OutR2B1(RtsPdu, flags=RtsFlags.NONE, name="OUT_R2/B1"):
    """Server to outbound proxy: switch.  MS-RPCH 2.2.4.42"""

    ance: Ance


class OutR2B2(RtsPdu, flags=RtsFlags.NONE, name="OUT_R2/B2"):
    """Server to outbound proxy: the successor is refused.  MS-RPCH 2.2.4.43"""

    ance: NegativeAnce


class OutR2B3(RtsPdu, flags=RtsFlags.EOF, name="OUT_R2/B3"):
    """Outbound proxy to client, on the predecessor: nothing follows here.  MS-RPCH 2.2.4.44"""

    ance: Ance


class OutR2C1(RtsPdu, flags=RtsFlags.PING, name="OUT_R2/C1"):
    """Client to outbound proxy, on the successor: fills its body to 120 bytes.  MS-RPCH 2.2.4.45

    It has the size of OUT_R1/A11. The text also allows padding, but that is never small enough.
    """

    filler: Empty


# At any time  MS-RPCH 2.2.4.46 to 2.2.4.51


class KeepAlive(RtsPdu, flags=RtsFlags.OTHER_CMD, name="Keep-Alive"):
    """Client to inbound proxy: change the keep-alive interval of the server leg.  MS-RPCH 2.2.4.46"""

    keepalive: ClientKeepalive


class PingTrafficSent(RtsPdu, flags=RtsFlags.OTHER_CMD, name="Ping Traffic Sent Notify"):
    """Outbound proxy to server: pings have used this much of the lifetime.  MS-RPCH 2.2.4.47"""

    sent: PingTrafficSentNotify


class Echo(RtsPdu, flags=RtsFlags.ECHO, name="Echo"):
    """Proxy to client, in the answer to an echo request.  MS-RPCH 2.2.4.48"""


class Ping(RtsPdu, flags=RtsFlags.PING, name="Ping"):
    """Keeps a channel from falling idle; one hop.  MS-RPCH 2.2.4.49"""


class Ack(RtsPdu, flags=RtsFlags.OTHER_CMD, name="FlowControlAck"):
    """To a neighbour: this much was taken.  MS-RPCH 2.2.4.50"""

    ack: FlowControlAck

    def encode(self) -> bytes:
        return acknowledgements.encode(self.ack)


class AckWithDestination(RtsPdu, flags=RtsFlags.OTHER_CMD, name="FlowControlAckWithDestination"):
    """To a sender several hops away: this much was taken.  MS-RPCH 2.2.4.51"""

    destination: Destination
    ack: FlowControlAck

    def encode(self) -> bytes:
        return acknowledgements.encode(self.ack, self.destination)


ACK_SIZE = acknowledgements.SIZE
ACK_WITH_DESTINATION_SIZE = acknowledgements.SIZE_WITH_DESTINATION
PING_SIZE = 20

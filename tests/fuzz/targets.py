"""What is fuzzed: every function that sees bytes of a peer, each with something to begin from.

A target takes any bytes. Only a `RemoteProtocolError` may come out of it, or, for what a person types, a
`ConfigError`; anything else is a defect. Machines get a stream of PDUs in every state they have.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Final
from uuid import UUID

from rpch.auth.basic import BasicCredentials
from rpch.auth.ntlm.messages import Authenticate, Challenge, Negotiate
from rpch.auth.schemes import read_authorization
from rpch.auth.spnego_tokens import NegTokenInit, NegTokenResp
from rpch.dcerpc.binding import StringBinding
from rpch.dcerpc.client_events import Open
from rpch.dcerpc.client_events import PduReceived as ClientPdu
from rpch.dcerpc.client_side import ClientConnection as RpcClientMachine
from rpch.dcerpc.endpoint_mapper import LookupRequest, LookupResponse, MapRequest, MapResponse, ask_for
from rpch.dcerpc.framing import PduCutter, pdus_in
from rpch.dcerpc.pdus import Bind, Request, decode_pdu
from rpch.dcerpc.protseq import ProtocolSequence
from rpch.dcerpc.server_side import PduReceived, ServerConnection
from rpch.dcerpc.towers import Tower, read_floors
from rpch.decode.sources import decode_source
from rpch.errors import ConfigError, RemoteProtocolError
from rpch.exchange.autodiscover.pox_answer import Exch, Expr, User, Web, settings_document
from rpch.exchange.autodiscover.pox_request import PoxRequest
from rpch.exchange.autodiscover.pox_settings import read_answer
from rpch.http.authenticate import read_challenges
from rpch.http.channels import read_channel_request
from rpch.http.chunks import ChunkDecoder
from rpch.http.eeinfo import decode_eeinfo, encode_eeinfo
from rpch.http.heads import read_request_head, read_response_head
from rpch.http.outcomes import read_outcome
from rpch.http.requests import ChannelHeads
from rpch.http.rpc_error import connect_failed
from rpch.http.targets import RpcTarget
from rpch.rts.pdus import CATALOGUE, decode, read_message
from rpch.server.demo import Octets
from rpch.testing.captures import opening_capture
from rpch.testing.raw_rpc import MANAGED, endpoint, offer
from rpch.testing.rts_samples import SAMPLES
from rpch.testing.situations import client, inbound, outbound, server
from rpch.vconn.client_states import ClientInState, ClientOutState, ClientState
from rpch.vconn.events import NonsenseArrived, RpcArrived, RtsArrived
from rpch.vconn.inbound_states import InState
from rpch.vconn.machine import Machine
from rpch.vconn.outbound_states import OutState
from rpch.vconn.server_states import ConnectionState, InChannelState, OutChannelState

TOLERATED: Final = (RemoteProtocolError, ConfigError)


@dataclass(frozen=True)
class Target:
    """One thing to fuzz: what takes the bytes, and well-formed bytes to begin from."""

    name: str
    feed: Callable[[bytes], object]
    seeds: tuple[bytes, ...]

    def run(self, data: bytes) -> None:
        """Feed it; whatever is no fault of the peer's comes out."""
        try:
            self.feed(data)
        except TOLERATED:
            return


def _request_head(data: bytes) -> None:
    found = read_request_head(data)
    if found is not None:
        read_channel_request(found[0])
        if authorization := found[0].get("authorization"):
            _credentials(authorization.encode("latin-1"))


def _response_head(data: bytes) -> None:
    found = read_response_head(data)
    if found is not None:
        read_outcome(found[0])


def _credentials(data: bytes) -> None:
    _, token = read_authorization(data.decode("latin-1"))
    BasicCredentials.decode(token if token is not None else data)
    read_challenges([data.decode("latin-1")])


def _rts(data: bytes) -> None:
    read_message(data)
    for kind in CATALOGUE:
        try:
            decode(data, legal=[kind])
        except RemoteProtocolError:
            continue


def _framing(data: bytes) -> None:
    for size in (1, 7, 16, 100):
        cutter = PduCutter(any_version=size == 7)
        try:
            for at in range(0, min(len(data), 4096), size):
                for _, piece in cutter.feed(data[at : at + size]):
                    list(pdus_in(piece))
        except RemoteProtocolError:
            continue


def _rpc_pdus(data: bytes) -> list[bytes]:
    """Cut fuzzed bytes the way a connection would."""
    return [bytes(pdu) for _, piece in PduCutter(any_version=True).feed(data) for pdu in pdus_in(piece)]


def _rpc_server(data: bytes) -> None:
    for bound in (False, True):
        machine = ServerConnection(endpoint(), identity="fuzz")
        if bound:
            machine.handle(PduReceived(Bind(1, (offer(0),)).encode()), 0.0)
        for pdu in _rpc_pdus(data):
            machine.handle(PduReceived(pdu), 0.0)


def _rpc_client(data: bytes) -> None:
    machine = RpcClientMachine()
    machine.handle(Open(MANAGED.syntax), 0.0)
    for pdu in _rpc_pdus(data):
        machine.handle(ClientPdu(pdu), 0.0)


MACHINES: Final[tuple[Callable[[], Machine], ...]] = (
    *(partial(inbound, state) for state in InState),
    *(partial(outbound, state) for state in OutState),
    *(partial(server, state) for state in ConnectionState),
    *(partial(server, in_state=a, out_state=b) for a, b in product(InChannelState, OutChannelState)),
    *(partial(client, state) for state in ClientState),
    *(partial(client, in_state=a, out_state=b) for a, b in product(ClientInState, ClientOutState)),
)


def _virtual_connection(data: bytes) -> None:
    """The first byte picks a role in a state, and one of its legs; the rest comes in there."""
    chosen = data[0] if data else 0
    machine = MACHINES[chosen % len(MACHINES)]()
    legs = machine.legs()
    if not legs:
        return
    leg = legs[chosen // len(MACHINES) % len(legs)]
    try:
        pieces = PduCutter().feed(data[1:])
    except RemoteProtocolError as why:
        machine.handle(NonsenseArrived(leg, why), 1.0)
        return
    for rts, piece in pieces:
        machine.handle(RtsArrived(leg, piece) if rts else RpcArrived(leg, piece), 1.0)


def _stubs(data: bytes) -> None:
    for little in (True, False):
        for message in (MapRequest, MapResponse, LookupRequest, LookupResponse, Octets):
            try:
                message.decode(data, little_endian=little)
            except RemoteProtocolError:
                continue


def _autodiscover(data: bytes) -> None:
    """What either side of Autodiscover reads."""
    for read in (PoxRequest.decode, read_answer):
        try:
            read(data)
        except RemoteProtocolError:
            continue


def _towers(data: bytes) -> None:
    read_floors(data)
    Tower.decode(data)


def _ntlm(data: bytes) -> None:
    for message in (Negotiate, Challenge, Authenticate):
        try:
            message.decode(data)
        except RemoteProtocolError:
            continue


def _spnego(data: bytes) -> None:
    for token in (NegTokenInit, NegTokenResp):
        try:
            token.decode(data)
        except RemoteProtocolError:
            continue


def _capture(data: bytes) -> None:
    list(decode_source(io.BytesIO(data)))


def _binding(data: bytes) -> None:
    str(StringBinding.parse(data.decode("latin-1")))


_HEADS = ChannelHeads("proxy.example", RpcTarget("ex01.corp.example", 6001))
_PDUS = tuple(pdu.encode() for pdu in SAMPLES)
_RPC = (Bind(1, (offer(0),)).encode(), Request(2, 0, 0, b"stub").encode())
_ERROR = connect_failed(0x6BA, process_id=7, timestamp=1)

_NTLMSSP = b"\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a"
_TOWER = Tower(MANAGED.syntax, ProtocolSequence.NCACN_HTTP).encode()
_SETTINGS = settings_document(
    User("Jane", "/o=Org/cn=jane", "jane@contoso.com", UUID(int=1)),
    [
        Exch("s", "d", "m", "73C0834F"),
        Expr("m", tls=True, method="Basic"),
        Web("https://in/", "https://out/"),
    ],
)
_SUCCESS = b"HTTP/1.1 200 Success\r\nContent-Length: 20\r\n\r\n"
_HEX = b"05 00 14 03 10 00 00 00 14 00 00 00 00 00 00 00 40 00 00 00"

TARGETS: Final[tuple[Target, ...]] = (
    Target("request-head", _request_head, (_HEADS.in_channel(), _HEADS.out_channel(), _HEADS.connect())),
    Target("response-head", _response_head, (_ERROR.encode(), _SUCCESS)),
    Target("credentials", _credentials, (b"Basic TEFCXGFsaWNlOnB3", b'NTLM TlRMTVNTUAAB, Basic realm="x"')),
    Target("chunks", lambda data: ChunkDecoder().feed(data), (b"5\r\nhello\r\n0\r\n\r\n",)),
    Target("eeinfo", decode_eeinfo, (encode_eeinfo(_ERROR.records),)),
    Target("rts", _rts, _PDUS),
    Target("framing", _framing, (b"".join(_PDUS), b"".join(_RPC))),
    Target("rpc-pdus", decode_pdu, _RPC),
    Target("rpc-server", _rpc_server, (b"".join(_RPC),)),
    Target("rpc-client", _rpc_client, _RPC),
    Target("virtual-connection", _virtual_connection, tuple(bytes((n,)) + p for n, p in enumerate(_PDUS))),
    Target("stubs", _stubs, (bytes(64), ask_for(MANAGED.syntax, ProtocolSequence.NCACN_HTTP).encode())),
    Target("towers", _towers, (_TOWER,)),
    Target("ntlm", _ntlm, (b"NTLMSSP\0" + bytes(64),)),
    Target("spnego", _spnego, (NegTokenInit((_NTLMSSP,), b"token").encode(),)),
    Target("capture", _capture, (opening_capture(), _HEX)),
    Target("autodiscover", _autodiscover, (PoxRequest("jane@contoso.com").encode(), _SETTINGS)),
    Target("string-binding", _binding, (b"ncacn_http:ex01[6001,RpcProxy=proxy:443]",)),
)

"""What is fuzzed: every function that sees bytes of a peer, each with something to begin from.

A target takes any bytes. Only a `RemoteProtocolError` may come out of it, or, for what a person types, a
`ConfigError`; anything else is a defect. Machines get a stream of PDUs in every state they have.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import product
from typing import Final

from rpch.dcerpc.binding import StringBinding
from rpch.dcerpc.client_events import Open
from rpch.dcerpc.client_events import PduReceived as ClientPdu
from rpch.dcerpc.client_side import ClientConnection as RpcClientMachine
from rpch.dcerpc.endpoint_mapper import LookupRequest, LookupResponse, MapRequest, MapResponse, ask_for
from rpch.dcerpc.framing import PduCutter, pdus_in
from rpch.dcerpc.pdus import Bind, Request, decode_pdu
from rpch.dcerpc.pdus_header import NDR20
from rpch.dcerpc.protseq import ProtocolSequence
from rpch.dcerpc.server_side import PduReceived, ServerConnection
from rpch.dcerpc.towers import Tower, read_floors
from rpch.dcerpc.verification import RequestFacts, checked_stub, verification_trailer
from rpch.decode.sources import decode_source
from rpch.errors import RemoteProtocolError
from rpch.http.channels import read_channel_request
from rpch.http.chunks import ChunkDecoder
from rpch.http.eeinfo import decode_eeinfo, encode_eeinfo
from rpch.http.heads import read_request_head, read_response_head
from rpch.http.outcomes import read_outcome
from rpch.http.pragmas import read_pragmas
from rpch.http.proxy_protocol import read_proxy_header
from rpch.http.requests import ChannelHeads
from rpch.http.rpc_error import connect_failed
from rpch.http.targets import RpcTarget, read_connect_target, read_proxy_path, read_server
from rpch.ndr.pickles import decode_pickle, encode_pickle
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
from tests.fuzz.auth_targets import AUTH_TARGETS
from tests.fuzz.exchange_targets import EXCHANGE_TARGETS
from tests.fuzz.target import Target


def _request_head(data: bytes) -> None:
    found = read_request_head(data)
    if found is not None:
        read_channel_request(found[0])


def _response_head(data: bytes) -> None:
    found = read_response_head(data)
    if found is not None:
        read_outcome(found[0])


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


def _towers(data: bytes) -> None:
    read_floors(data)
    Tower.decode(data)


def _capture(data: bytes) -> None:
    list(decode_source(io.BytesIO(data)))


def _trailer(data: bytes) -> None:
    for drep in (b"\x10\0\0\0", bytes(4)):
        checked_stub(data, replace(_FACTS, drep=drep))


def _pickles(data: bytes) -> None:
    for message in (Octets, MapRequest):
        decode_pickle(message, data)


def _targets(data: bytes) -> None:
    text = data.decode("latin-1")
    read_connect_target(text)
    read_server(read_proxy_path(text)[1])


def _pragmas(data: bytes) -> None:
    read_pragmas(data.decode("latin-1").split("\n"))


def _binding(data: bytes) -> None:
    str(StringBinding.parse(data.decode("latin-1")))


_HEADS = ChannelHeads("proxy.example", RpcTarget("ex01.corp.example", 6001))
_PDUS = tuple(pdu.encode() for pdu in SAMPLES)
_RPC = (Bind(1, (offer(0),)).encode(), Request(2, 0, 0, b"stub").encode())
_ERROR = connect_failed(0x6BA, process_id=7, timestamp=1)

_TOWER = Tower(MANAGED.syntax, ProtocolSequence.NCACN_HTTP).encode()
_SUCCESS = b"HTTP/1.1 200 Success\r\nContent-Length: 20\r\n\r\n"
_FACTS = RequestFacts(5, 1, 2, MANAGED.syntax, NDR20)
_RELAYED = bytes.fromhex("0d0a0d0a000d0a515549540a 21 11 000c c0000201 c0000202 c001 01bb") + b"GET"
_TRACE = (
    b'{"time": 1.0, "role": "OUT_PROXY", "connection": "a1", "event": {"RtsArrived": {"leg": "OUT-H"}}, '
    b'"before": "A", "after": "B", "actions": []}\n'
)
_HEX = b"05 00 14 03 10 00 00 00 14 00 00 00 00 00 00 00 40 00 00 00"

TARGETS: Final[tuple[Target, ...]] = (
    Target("request-head", _request_head, (_HEADS.in_channel(), _HEADS.out_channel(), _HEADS.connect())),
    Target("response-head", _response_head, (_ERROR.encode(), _SUCCESS)),
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
    Target(
        "verification-trailer",
        _trailer,
        (b"stub" + verification_trailer(_FACTS, bitmask=True, header=True),),
    ),
    Target("pickles", _pickles, (encode_pickle(Octets(b"data")),)),
    Target("proxy-header", read_proxy_header, (b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nGET", _RELAYED)),
    Target("targets", _targets, (b"/rpc/rpcproxy.dll?ex01:6001", b"https://p/rpc/rpcproxy.dll?[::1]:593")),
    Target("pragmas", _pragmas, (b"MinConnTimeout=120, SessionId={44e265dd-7daf-42cd-8560-3cdb6e7a2729}",)),
    Target("capture", _capture, (opening_capture(), _HEX, _TRACE)),
    Target("string-binding", _binding, (b"ncacn_http:ex01[6001,RpcProxy=proxy:443]",)),
    *AUTH_TARGETS,
    *EXCHANGE_TARGETS,
)

"""Shows one RPC PDU field by field, by the names of C706 12.6 and MS-RPCE 2.2.2.

Layouts with their offsets stand here a second time, in the order of the specification, because a dump must go
on where a decoder stops. A test holds them against the decoders.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from rpch.dcerpc.pdu_names import pdu_name
from rpch.dcerpc.pdus import (
    HEADER_SIZE,
    AuthLevel,
    ContextOutcome,
    Header,
    PduType,
    PfcFlags,
    ProviderReason,
    RejectReason,
    SecTrailer,
    decode_pdu,
)
from rpch.dcerpc.statuses import Status
from rpch.decode.interfaces import feature_names, interface_name, short_name, transfer_syntax_name
from rpch.decode.messages import Kind, Message
from rpch.decode.notes import Notes, shown_bytes
from rpch.decode.security import note_trailer
from rpch.decode.sessions import Session
from rpch.errors import DecodeError, RemoteProtocolError

_BINDING: Final = frozenset(
    {
        PduType.BIND,
        PduType.BIND_ACK,
        PduType.ALTER_CONTEXT,
        PduType.ALTER_CONTEXT_RESP,
        PduType.AUTH3,
    }
)

_PROTECTION: Final = {
    AuthLevel.PKT: "signed",
    AuthLevel.PKT_INTEGRITY: "signed",
    AuthLevel.PKT_PRIVACY: "sealed",
}


def describe_rpc(data: bytes, session: Session | None = None, *, at: int = 0) -> Message:
    """All of one RPC PDU, or as much as can be understood; `problem` says what is wrong with the rest."""
    session = session or Session()
    notes, about, problem = Notes(data), "", None
    try:
        header = _note_header(notes, data)
    except DecodeError as error:
        return Message(Kind.RPC, "PDU", at, data, about, tuple(notes.parts), str(error))
    end = _body_end(header, len(data))
    try:
        about = _note_body(notes, header, session, end)
        if header.auth_length:
            note_trailer(notes, header.auth_length)
        decode_pdu(data)
    except RemoteProtocolError as error:
        problem = str(error)
    about = _about(header, about, data[end + 1 : end + 2])
    return Message(Kind.RPC, pdu_name(header.kind), at, data, about, tuple(notes.parts), problem)


def _about(header: Header, about: str, level: bytes) -> str:
    """The one line for a reader: call, fragment, what the body is about, how it is protected."""
    place = {(True, True): "", (True, False): "first fragment", (False, True): "last fragment"}
    words = [f"call {header.call_id}", place.get((header.first, header.last), "middle fragment"), about]
    if level and header.kind in (PduType.REQUEST, PduType.RESPONSE):
        words.append(_PROTECTION.get(AuthLevel(level[0]), ""))
    return ", ".join(word for word in words if word)


def _body_end(header: Header, size: int) -> int:
    """Where the security trailer starts."""
    if not header.auth_length:
        return size
    return max(size - header.auth_length - SecTrailer.SIZE, HEADER_SIZE)


def _note_header(notes: Notes, data: bytes) -> Header:
    header = Header.decode(data)
    notes.little_endian = header.little_endian
    notes.number("rpc_vers", 1)
    notes.number("rpc_vers_minor", 1)
    notes.number("PTYPE", 1, lambda value: f"{value} {pdu_name(header.kind)}")
    notes.number("pfc_flags", 1, lambda value: flag_names(header.kind, value))
    notes.octets("packed_drep", 4, _representation)
    notes.number("frag_length", 2)
    notes.number("auth_length", 2)
    notes.number("call_id", 4)
    return header


def flag_names(kind: PduType, value: int) -> str:
    """The flags of one PDU; one bit has two meanings.  MS-RPCE 2.2.2.3"""
    names = []
    for bit in (1 << shift for shift in range(8)):
        if not value & bit:
            continue
        if bit == PfcFlags.PENDING_CANCEL and kind in _BINDING:
            names.append("SUPPORT_HEADER_SIGN")
        else:
            names.append(PfcFlags(bit).name or hex(bit))
    return "|".join(names) or "none"


def _representation(drep: bytes) -> str:
    order = {0: "big-endian", 1: "little-endian"}.get(drep[0] >> 4, f"integers {drep[0] >> 4}")
    characters = {0: "ASCII", 1: "EBCDIC"}.get(drep[0] & 15, f"characters {drep[0] & 15}")
    floats = {0: "IEEE", 1: "VAX", 2: "Cray", 3: "IBM"}.get(drep[1], f"floating point {drep[1]}")
    return f"{order}, {characters}, {floats}"


def _named(kind: Callable[[int], object], value: int) -> str:
    """A number with its name, if it has one."""
    try:
        return f"{value} {getattr(kind(value), 'name', '').lower()}"
    except ValueError:
        return str(value)


def _note_body(notes: Notes, header: Header, session: Session, end: int) -> str:
    note = _BODIES.get(header.kind)
    if note is None:
        _note_rest(notes, "body", end)
        return ""
    return note(notes, header, session, end)


def _note_rest(notes: Notes, name: str, end: int) -> None:
    """Everything up to `end` as one field, if there is anything."""
    if end > notes.at:
        notes.octets(name, end - notes.at)


def _note_sizes(notes: Notes) -> None:
    notes.number("max_xmit_frag", 2)
    notes.number("max_recv_frag", 2)
    notes.number("assoc_group_id", 4, hex)


def _note_offer(notes: Notes, header: Header, session: Session, end: int) -> str:
    _note_sizes(notes)
    wanted = []
    count = notes.number("n_context_elem", 1)
    notes.octets("reserved", 3)
    for _ in range(count):
        context_id = notes.number("p_cont_id", 2)
        with notes.inside():
            offered = notes.number("n_transfer_syn", 1)
            notes.octets("reserved", 1)
            interface = notes.syntax("abstract_syntax", interface_name)
            session.offer(context_id, interface)
            wanted.append(f"context {context_id} {short_name(interface)}")
            for _ in range(offered):
                notes.syntax("transfer_syntax", transfer_syntax_name)
    _note_rest(notes, "filler", end)
    return ", ".join(wanted)


def _note_answer(notes: Notes, header: Header, session: Session, end: int) -> str:
    _note_sizes(notes)
    size = notes.number("sec_addr length", 2)
    if size:
        notes.octets("sec_addr", size, lambda raw: repr(raw.rstrip(b"\0").decode("latin-1")))
    if gap := -notes.at % 4:
        notes.octets("pad", gap)
    count = notes.number("n_results", 1)
    notes.octets("reserved", 3)
    outcomes = []
    for _ in range(count):
        result = notes.number("result", 2, lambda value: _named(ContextOutcome, value))
        with notes.inside():
            reason = notes.number("reason", 2, partial(_reason, result))
            notes.syntax("transfer_syntax", transfer_syntax_name)
        outcomes.append(_outcome(result, reason))
    if not header.auth_length and end - notes.at == SecTrailer.SIZE:
        note_trailer(notes, 0)  # a finished mechanism answers with an empty token (MS-RPCE 3.3.1.5.2)
    _note_rest(notes, "filler", end)
    return ", ".join(outcomes)


def _outcome(result: int, reason: int) -> str:
    named = _named(ContextOutcome, result).partition(" ")[2] or str(result)
    if result == ContextOutcome.PROVIDER_REJECTION:
        return f"{named} ({_reason(result, reason).partition(' ')[2] or reason})"
    return named


def _reason(result: int, reason: int) -> str:
    """Why, or for bind-time features which were granted."""
    if result == ContextOutcome.NEGOTIATE_ACK:
        return feature_names(reason)
    return _named(ProviderReason, reason) if result == ContextOutcome.PROVIDER_REJECTION else str(reason)


def _note_nak(notes: Notes, header: Header, session: Session, end: int) -> str:
    reason = notes.number("provider_reject_reason", 2, lambda value: _named(RejectReason, value))
    if notes.at < end:
        for _ in range(notes.number("n_protocols", 1)):
            notes.octets("version", 2, lambda raw: f"{raw[0]}.{raw[1]}")
    _note_rest(notes, "padding and extended error", end)
    return _named(RejectReason, reason)


def _note_auth3(notes: Notes, header: Header, session: Session, end: int) -> str:
    notes.octets("pad", 4)
    _note_rest(notes, "filler", end)
    return ""


def _note_request(notes: Notes, header: Header, session: Session, end: int) -> str:
    notes.number("alloc_hint", 4)
    context_id = notes.number("p_cont_id", 2)
    opnum = notes.number("opnum", 2)
    if PfcFlags.OBJECT_UUID in header.flags:
        notes.uuid("object")
    _note_stub(notes, header, end)
    return session.begin(header.call_id, context_id, opnum)


def _note_response(notes: Notes, header: Header, session: Session, end: int) -> str:
    _note_answer_head(notes)
    notes.octets("reserved", 1)
    _note_stub(notes, header, end)
    return session.named(header.call_id)


def _note_fault(notes: Notes, header: Header, session: Session, end: int) -> str:
    _note_answer_head(notes)
    notes.number("flags", 1, lambda value: "extended error" if value & 1 else "none")
    status = notes.number("status", 4, lambda value: str(Status(value)))
    notes.octets("reserved", min(4, max(end - notes.at, 0)))
    _note_rest(notes, "extended error", end)
    return ", ".join(word for word in (session.named(header.call_id), str(Status(status))) if word)


def _note_answer_head(notes: Notes) -> None:
    notes.number("alloc_hint", 4)
    notes.number("p_cont_id", 2)
    notes.number("cancel_count", 1)


def _note_stub(notes: Notes, header: Header, end: int) -> None:
    """The stub, with the padding before a security trailer still at its end."""
    if end > notes.at:
        notes.octets("stub", end - notes.at, shown_bytes)


_Body = Callable[[Notes, Header, Session, int], str]

_BODIES: Final[Mapping[PduType, _Body]] = {
    PduType.REQUEST: _note_request,
    PduType.RESPONSE: _note_response,
    PduType.FAULT: _note_fault,
    PduType.BIND: _note_offer,
    PduType.BIND_ACK: _note_answer,
    PduType.BIND_NAK: _note_nak,
    PduType.ALTER_CONTEXT: _note_offer,
    PduType.ALTER_CONTEXT_RESP: _note_answer,
    PduType.AUTH3: _note_auth3,
}

"""Shows one RTS PDU field by field.  MS-RPCH 2.2.3

Names, order and sizes of fields come from the declarations of the commands themselves.
"""

from __future__ import annotations

from rpch.decode.messages import Kind, Message
from rpch.decode.notes import Notes
from rpch.errors import DecodeError, RemoteProtocolError
from rpch.rts.commands import COMMANDS, ClientAddress, ForwardDestination, Padding, RtsCommand
from rpch.rts.legs import candidates, names
from rpch.rts.pdus import FIRST_AND_LAST, LITTLE_ENDIAN, RTS, RtsFlags, RtsMessage, RtsPdu, read_message
from rpch.trace import COOKIE_SIZE, SHOWN_OF_COOKIE, short
from rpch.wire import Reader

PARTIES = {
    ForwardDestination.CLIENT: "FDClient",
    ForwardDestination.IN_PROXY: "FDInProxy",
    ForwardDestination.SERVER: "FDServer",
    ForwardDestination.OUT_PROXY: "FDOutProxy",
}


def describe_rts(
    data: bytes,
    *,
    at: int = 0,
    place: str | None = None,
    receiver: ForwardDestination | None = None,
    whole_cookies: bool = False,
) -> Message:
    """All of one RTS PDU, or as much as can be understood; `problem` says what is wrong with the rest."""
    kinds: tuple[type[RtsPdu], ...] = ()
    message, problem = None, None
    try:
        message = read_message(data)
        kinds = candidates(message, place=place, receiver=receiver)
        if not kinds:
            problem = f"no PDU of the specification: {message}"
    except RemoteProtocolError as error:
        problem = str(error)
    notes = Notes(data)
    try:
        _note(notes, kinds[0] if kinds else None, whole_cookies=whole_cookies)
    except DecodeError as error:
        problem = problem or str(error)
    about = _about(message, kinds[0]) if message and kinds else ""
    return Message(Kind.RTS, names(kinds) or "RTS", at, data, about, tuple(notes.parts), problem)


def _note(notes: Notes, kind: type[RtsPdu] | None, *, whole_cookies: bool) -> None:
    notes.number("rpc_vers", 1)
    notes.number("rpc_vers_minor", 1)
    notes.number("PTYPE", 1, lambda value: "20 RTS" if value == RTS else str(value))
    notes.number(
        "pfc_flags", 1, lambda value: "FIRST_FRAG|LAST_FRAG" if value == FIRST_AND_LAST else hex(value)
    )
    notes.number("packed_drep", 4, lambda value: "little-endian" if value == LITTLE_ENDIAN else hex(value))
    notes.number("frag_length", 2)
    notes.number("auth_length", 2)
    notes.number("call_id", 4)
    notes.number("Flags", 2, _flag_names)
    count = notes.number("NumberOfCommands", 2)
    roles = kind.ROLES if kind else ()
    for index in range(count):
        role = roles[index] if index < len(roles) else ""
        _note_command(notes, role, whole_cookies=whole_cookies)
    if notes.remaining:
        notes.octets("left over", notes.remaining)


def _flag_names(value: int) -> str:
    """The flags by name; what has no name as a number."""
    found = [flag.name for flag in RtsFlags if flag.value and value & flag and flag.name]
    if unknown := value & ~0x7F:
        found.append(hex(unknown))
    return "|".join(found) or "NONE"


def _note_command(notes: Notes, role: str, *, whole_cookies: bool) -> None:
    def title(kind: int) -> str:
        command = COMMANDS.get(kind)
        name = command.__name__ if command else "unknown"
        return f"{name}, {role}" if role else name

    command = COMMANDS.get(notes.number("CommandType", 4, title))
    if command is None:
        notes.octets("unreadable", notes.remaining)
        return
    with notes.inside():
        if command is Padding:
            size = notes.number("ConformanceCount", 4)
            notes.octets("Padding", size)
        elif command is ClientAddress:
            family = notes.number(
                "AddressType", 4, lambda value: {0: "IPv4", 1: "IPv6"}.get(value, str(value))
            )
            notes.octets("ClientAddress", 16 if family == 1 else 4, lambda raw: _address(family, raw))
            notes.octets("Padding", len(ClientAddress.PAD))
        else:
            _note_fields(notes, command, whole_cookies=whole_cookies)


def _note_fields(notes: Notes, command: type[RtsCommand], *, whole_cookies: bool) -> None:
    for name, field in command.LAYOUT:
        if field.size == COOKIE_SIZE:
            reveal = None if whole_cookies else SHOWN_OF_COOKIE
            notes.octets(name, COOKIE_SIZE, bytes.hex if whole_cookies else short, reveal=reveal)
        else:
            notes.number(name, field.size, lambda value: _judged(command, value))


def _judged(command: type[RtsCommand], value: int) -> str:
    """A value, and whether nobody should have sent it."""
    if command.__name__ == "Destination" and value in list(PARTIES):
        return PARTIES[ForwardDestination(value)]
    if len(command.LAYOUT) == 1 and not command.decode(value.to_bytes(4, "little")).sendable:
        return f"{value} (outside what may be sent)"
    return str(value)


def _address(family: int, raw: bytes) -> str:
    """The address as text, by way of the command's own reader."""
    body = family.to_bytes(4, "little") + raw + ClientAddress.PAD
    try:
        return str(ClientAddress.read(Reader(body)).address)
    except DecodeError:
        return raw.hex(" ")


def _about(message: RtsMessage, kind: type[RtsPdu]) -> str:
    """The numbers that matter, on one line."""
    words = []
    for role, command in zip(kind.ROLES, message.commands, strict=True):
        shown = _brief(command)
        if shown and role != "version":
            words.append(f"{role.replace('_', ' ')} {shown}")
    return ", ".join(words)


def _brief(command: RtsCommand) -> str:
    """One command in a word or two."""
    values = []
    for name, value in vars(command).items():
        if isinstance(value, bytes):
            values.append(short(value))
        elif type(command).__name__ == "Destination":
            values.append(PARTIES.get(value, str(value)))
        elif len(vars(command)) == 1:
            values.append(str(value))
        else:
            values.append(f"{name} {value}")
    return ", ".join(values)

"""The three messages of NTLM.  MS-NLMP 2.2.1

Texts are kept as bytes: in which character set they are is negotiated, and proofs cover bytes. Whoever
checks a proof or a MIC uses the message as it came, never one encoded anew.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import ClassVar, Final, Self

from rpch.auth.ntlm.flags import NtlmFlags
from rpch.errors import DecodeError
from rpch.wire import Reader

SIGNATURE: Final = b"NTLMSSP\0"
NEGOTIATE_TYPE: Final = 1
CHALLENGE_TYPE: Final = 2
AUTHENTICATE_TYPE: Final = 3

OUR_VERSION: Final = bytes.fromhex("060100000000000f")  # for debugging only, says MS-NLMP 2.2.2.10
NO_VERSION: Final = bytes(8)
MIC_AT: Final = 72
MIC_SIZE: Final = 16

_NEGOTIATE_LIMIT: Final = 4 * 1024
_AUTHENTICATE_LIMIT: Final = 64 * 1024
_TARGET_INFO_LIMIT: Final = 8 * 1024
_NAME_LIMIT: Final = 1024
_U32: Final = struct.Struct("<I")
_FIELD: Final = struct.Struct("<HHI")
_MIC_HEADER: Final = MIC_AT + MIC_SIZE


def message_type(token: bytes) -> int | None:
    """Which message of NTLM a token is, None when it is none of NTLM's.  MS-NLMP 2.2.1"""
    if not token.startswith(SIGNATURE) or len(token) < 12:
        return None
    return int(_U32.unpack_from(token, 8)[0])


@dataclass(frozen=True, slots=True)
class Negotiate:
    """Client to server: what I can do. The names it may carry decide nothing.  MS-NLMP 2.2.1.1"""

    flags: NtlmFlags

    def encode(self) -> bytes:
        return SIGNATURE + _U32.pack(NEGOTIATE_TYPE) + _U32.pack(self.flags) + bytes(16)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Only the flags must be there: clients leave out the rest, or let it point nowhere."""
        _limit("NEGOTIATE", data, _NEGOTIATE_LIMIT)
        reader = _open(data, NEGOTIATE_TYPE)
        return cls(NtlmFlags(*reader.unpack(_U32)))


@dataclass(frozen=True, slots=True)
class Challenge:
    """Server to client: what I grant, who I am, and what to prove yourself on.  MS-NLMP 2.2.1.2"""

    HEADER: ClassVar = 56

    flags: NtlmFlags
    server_challenge: bytes
    target_name: bytes
    target_info: bytes
    version: bytes = NO_VERSION

    def encode(self) -> bytes:
        # Observed: every client expects the payload at 56, so the version is always there.
        name_at = self.HEADER
        info_at = name_at + len(self.target_name)
        return b"".join(
            (
                SIGNATURE,
                _U32.pack(CHALLENGE_TYPE),
                _FIELD.pack(len(self.target_name), len(self.target_name), name_at),
                _U32.pack(self.flags),
                self.server_challenge,
                bytes(8),
                _FIELD.pack(len(self.target_info), len(self.target_info), info_at),
                self.version,
                self.target_name,
                self.target_info,
            )
        )

    @classmethod
    def decode(cls, data: bytes) -> Self:
        _limit("CHALLENGE", data, _AUTHENTICATE_LIMIT)
        reader = _open(data, CHALLENGE_TYPE)
        target_name = _read_field(reader, data, smallest=48, limit=_NAME_LIMIT)
        flags = NtlmFlags(*reader.unpack(_U32))
        server_challenge = reader.take(8)
        reader.take(8)
        target_info = _read_field(reader, data, smallest=48, limit=_TARGET_INFO_LIMIT)
        version = reader.take(8) if flags & NtlmFlags.VERSION else NO_VERSION
        return cls(flags, server_challenge, target_name.value, target_info.value, version)


@dataclass(frozen=True, slots=True)
class Authenticate:
    """Client to server: who I am, and the proof.  MS-NLMP 2.2.1.3

    Version and MIC are None where the payload begins too early for them; whether there is a MIC is said
    elsewhere, within the proof.
    """

    HEADER: ClassVar = 64

    flags: NtlmFlags
    domain: bytes
    user: bytes
    workstation: bytes = b""
    lm_response: bytes = field(default=b"", repr=False)
    nt_response: bytes = field(default=b"", repr=False)
    session_key: bytes = field(default=b"", repr=False)
    version: bytes | None = None
    mic: bytes | None = field(default=None, repr=False)

    def encode(self) -> bytes:
        version = NO_VERSION if self.version is None and self.mic is not None else self.version
        tail = (version or b"") + (self.mic or b"")
        heads, payload, at = {}, [], self.HEADER + len(tail)
        for name in ("lm_response", "nt_response", "domain", "user", "workstation", "session_key"):
            value: bytes = getattr(self, name)
            heads[name] = _FIELD.pack(len(value), len(value), at)
            payload.append(value)
            at += len(value)
        return b"".join(
            (
                SIGNATURE,
                _U32.pack(AUTHENTICATE_TYPE),
                *heads.values(),
                _U32.pack(self.flags),
                tail,
                *payload,
            )
        )

    @classmethod
    def decode(cls, data: bytes) -> Self:
        _limit("AUTHENTICATE", data, _AUTHENTICATE_LIMIT)
        reader = _open(data, AUTHENTICATE_TYPE)
        lm, nt = (_read_field(reader, data, smallest=cls.HEADER) for _ in range(2))
        domain, user, workstation = (
            _read_field(reader, data, smallest=cls.HEADER, limit=_NAME_LIMIT) for _ in range(3)
        )
        key = _read_field(reader, data, smallest=cls.HEADER)
        flags = NtlmFlags(*reader.unpack(_U32))
        # Nothing says how long the header is but where the payload begins.
        header = min(found.at for found in (lm, nt, domain, user, workstation, key))
        return cls(
            flags=flags,
            domain=domain.value,
            user=user.value,
            workstation=workstation.value,
            lm_response=lm.value,
            nt_response=nt.value,
            session_key=key.value,
            version=data[cls.HEADER : MIC_AT] if header >= MIC_AT else None,
            mic=data[MIC_AT:_MIC_HEADER] if header >= _MIC_HEADER else None,
        )


def without_mic(authenticate: bytes) -> bytes:
    """An AUTHENTICATE as its MIC covers it: with zeros in the MIC's place.  MS-NLMP 3.1.5.1.2"""
    return authenticate[:MIC_AT] + bytes(MIC_SIZE) + authenticate[_MIC_HEADER:]


@dataclass(frozen=True, slots=True)
class _Payload:
    value: bytes
    at: int


def _limit(name: str, data: bytes, limit: int) -> None:
    if len(data) > limit:
        raise DecodeError(f"a {name} of {len(data)} bytes", at=limit)


def _open(data: bytes, kind: int) -> Reader:
    """A reader behind signature and type.  MS-NLMP 2.2.1"""
    reader = Reader(data)
    if reader.take(len(SIGNATURE)) != SIGNATURE:
        raise DecodeError("no message of NTLM", at=0)
    (found,) = reader.unpack(_U32)
    if found != kind:
        raise DecodeError(f"message type {found} where {kind} is due", at=8)
    return reader


def _read_field(reader: Reader, data: bytes, *, smallest: int, limit: int = _AUTHENTICATE_LIMIT) -> _Payload:
    """One field's payload; an empty field may point anywhere.  MS-NLMP 2.2.1.3"""
    at = reader.at
    size, _, offset = reader.unpack(_FIELD)
    if not size:
        return _Payload(b"", len(data))
    if size > limit:
        raise DecodeError(f"a field of {size} bytes", at=at)
    if offset < smallest or offset + size > len(data):
        raise DecodeError("a field points outside its message", at=at)
    return _Payload(data[offset : offset + size], offset)

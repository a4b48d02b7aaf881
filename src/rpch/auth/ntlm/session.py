"""Signing and sealing with the key that an NTLM exchange left behind.  MS-NLMP 3.4

Each direction has its own keys, its own keystream and its own sequence number. Sealing encrypts first and
signs the plain text after, from one keystream; a message that does not verify leaves the two ends at
different places of it, and so ends the session.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from typing import Final

from rpch.auth.ntlm.flags import NtlmFlags
from rpch.auth.ntlm.rc4 import rc4
from rpch.auth.security import SignatureMismatch
from rpch.errors import LocalProtocolError

SIGNATURE_SIZE: Final = 16
_VERSION: Final = bytes.fromhex("01000000")
_U32: Final = struct.Struct("<I")
# What is signed without SIGN: no protection, and some clients send it as a MIC.  MS-NLMP 3.4.4
_DUMMY: Final = _VERSION + bytes(12)
_MAGIC: Final = "session key to {} {} key magic constant\0"
_CLIENT_TO_SERVER: Final = "client-to-server"
_SERVER_TO_CLIENT: Final = "server-to-client"
_STRONG: Final = NtlmFlags.EXTENDED_SESSION_SECURITY | NtlmFlags.KEY_128 | NtlmFlags.KEY_EXCHANGE


def sign_key(exported: bytes, direction: str) -> bytes:
    """The signing key of a direction; always of full strength.  MS-NLMP 3.4.5.2"""
    return _md5(exported + _MAGIC.format(direction, "signing").encode())


def seal_key(exported: bytes, direction: str, flags: NtlmFlags) -> bytes:
    """The sealing key of a direction, as weak as was negotiated.  MS-NLMP 3.4.5.3"""
    strength = 16 if flags & NtlmFlags.KEY_128 else 7 if flags & NtlmFlags.KEY_56 else 5
    return _md5(exported[:strength] + _MAGIC.format(direction, "sealing").encode())


class _Direction:
    """Keys, keystream and sequence number of one direction.  MS-NLMP 3.4.4.2"""

    def __init__(self, exported: bytes, name: str, flags: NtlmFlags) -> None:
        self._sign_key = sign_key(exported, name)
        self._seal_key = seal_key(exported, name, flags)
        self._exchanged = bool(flags & NtlmFlags.KEY_EXCHANGE)
        self._sequence = 0
        self.rewind()

    def rewind(self) -> None:
        """Begin the keystream again, but not the numbers, as after a MIC of SPNEGO.  MS-SPNG 3.2.5.1"""
        self._stream = rc4(self._seal_key)

    def crypt(self, data: bytes) -> bytes:
        return self._stream.update(data)

    def next_signature(self, message: bytes) -> bytes:
        number = _U32.pack(self._sequence)
        checksum = hmac.digest(self._sign_key, number + message, "md5")[:8]
        if self._exchanged:
            checksum = self._stream.update(checksum)
        self._sequence = (self._sequence + 1) & 0xFFFFFFFF
        return _VERSION + checksum + number


class NtlmSession:
    """One side of a session with extended session security.  MS-NLMP 3.4"""

    def __init__(self, exported_key: bytes, flags: NtlmFlags, *, acceptor: bool) -> None:
        names = (_CLIENT_TO_SERVER, _SERVER_TO_CLIENT)
        ours, theirs = reversed(names) if acceptor else names
        self.session_key, self.flags = exported_key, flags
        self._out = _Direction(exported_key, ours, flags)
        self._in = _Direction(exported_key, theirs, flags)
        self._alive = True

    def __repr__(self) -> str:
        return f"NtlmSession({self.flags!r})"

    @property
    def can_sign(self) -> bool:
        """Whether SIGN was negotiated, at full strength."""
        return bool(self.flags & NtlmFlags.SIGN) and self.flags & _STRONG == _STRONG

    @property
    def can_seal(self) -> bool:
        """Whether SEAL was negotiated, at full strength."""
        return self.can_sign and bool(self.flags & NtlmFlags.SEAL)

    @property
    def protects_mechanisms(self) -> bool:
        """Without SIGN the MIC over a list of mechanisms is a dummy.  MS-SPNG 3.2.5.1"""
        needed = NtlmFlags.SIGN | NtlmFlags.EXTENDED_SESSION_SECURITY
        return self.flags & needed == needed

    @property
    def covers_headers(self) -> bool:
        """Extended session security signs all that it is given.  MS-NLMP 3.4.2"""
        return True

    @property
    def signature_size(self) -> int:
        """Every signature has 16 bytes.  MS-NLMP 2.2.2.9.2"""
        return SIGNATURE_SIZE

    def sign(self, message: bytes) -> bytes:
        """The signature of the next message sent.  MS-NLMP 3.4.4.2"""
        self._need(NtlmFlags.SIGN)
        return self._out.next_signature(message)

    def verify(self, message: bytes, signature: bytes) -> None:
        """Check the signature of the next message received.  MS-NLMP 3.4.4.2"""
        self._need(NtlmFlags.SIGN)
        self._compare(self._in.next_signature(message), signature)

    def seal(self, head: bytes, body: bytes, tail: bytes) -> tuple[bytes, bytes]:
        """The body encrypted, and the signature over all three parts.  MS-NLMP 3.4.3"""
        self._need(NtlmFlags.SEAL)
        sealed = self._out.crypt(body)
        return sealed, self._out.next_signature(head + body + tail)

    def unseal(self, head: bytes, body: bytes, tail: bytes, signature: bytes) -> bytes:
        """The body in clear, if the signature is that of all three parts.  MS-NLMP 3.4.3"""
        self._need(NtlmFlags.SEAL)
        plain = self._in.crypt(body)
        self._compare(self._in.next_signature(head + plain + tail), signature)
        return plain

    def sign_mechanisms(self, mechanisms: bytes) -> bytes:
        """The MIC over a list of mechanisms.  MS-SPNG 3.2.5.1"""
        if not self.protects_mechanisms:
            return _DUMMY
        mic = self.sign(mechanisms)
        self._out.rewind()
        return mic

    def verify_mechanisms(self, mechanisms: bytes, mic: bytes) -> None:
        """Check the peer's MIC over a list of mechanisms.  MS-SPNG 3.2.5.1"""
        if not self.protects_mechanisms:
            self._compare(_DUMMY, mic)
            return
        self.verify(mechanisms, mic)
        self._in.rewind()

    def _need(self, flag: NtlmFlags) -> None:
        if not self._alive:
            raise LocalProtocolError("this session ended with a signature that did not fit")
        if not self.flags & flag:
            raise LocalProtocolError(f"{flag.name} was not negotiated")
        if not self.flags & NtlmFlags.EXTENDED_SESSION_SECURITY:
            raise LocalProtocolError("extended session security was not negotiated")

    def _compare(self, expected: bytes, signature: bytes) -> None:
        if not hmac.compare_digest(expected, signature):
            self._alive = False
            raise SignatureMismatch("a signature does not fit its message")


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()

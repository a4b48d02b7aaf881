"""A client of NTLM that sends whatever a test wants it to, with proof and MIC right for what it sends."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field

from rpch.auth.ntlm.av_pairs import AvId, AvPairs
from rpch.auth.ntlm.flags import PROTECTION, NtlmFlags
from rpch.auth.ntlm.messages import Authenticate, Challenge, Negotiate, without_mic
from rpch.auth.ntlm.proof import nt_hash, response_key
from rpch.auth.ntlm.rc4 import rc4
from rpch.auth.ntlm.response import Ntlmv2Response
from rpch.wire import Reader

ASKED = (
    NtlmFlags.UNICODE
    | NtlmFlags.SIGN
    | NtlmFlags.SEAL
    | NtlmFlags.EXTENDED_SESSION_SECURITY
    | NtlmFlags.KEY_128
    | NtlmFlags.KEY_EXCHANGE
)
EXPORTED_KEY = bytes(range(16))


@dataclass
class CraftedClient:
    """What it sends, and what it hashes instead, if anything."""

    user: str = "alice"
    domain: str = "LAB"
    password: str = "secret"
    hashed_user: str | None = None
    hashed_domain: str | None = None
    asked: NtlmFlags = ASKED
    dropped: NtlmFlags = NtlmFlags.NONE
    added: NtlmFlags = NtlmFlags.NONE
    pairs: Mapping[AvId, bytes | None] = field(default_factory=dict)
    mic: bool = True
    trailing: bytes = bytes(4)
    session_key: bytes | None = None
    exported_key: bytes = EXPORTED_KEY

    def negotiate(self) -> bytes:
        self.sent = Negotiate(self.asked).encode()
        return self.sent

    def authenticate(self, wire: bytes) -> bytes:
        challenge = Challenge.decode(wire)
        flags = challenge.flags & ~self.dropped | self.added
        response, base_key = self._respond(challenge)
        exchanges = flags & NtlmFlags.KEY_EXCHANGE and flags & PROTECTION
        exported = self.exported_key if exchanges else base_key
        encrypted = rc4(base_key).update(self.exported_key) if exchanges else b""
        charset = "utf-16-le" if flags & NtlmFlags.UNICODE else "cp1252"
        message = Authenticate(
            flags=flags,
            domain=self.domain.encode(charset),
            user=self.user.encode(charset),
            nt_response=response,
            lm_response=bytes(24),
            session_key=encrypted if self.session_key is None else self.session_key,
            mic=bytes(16) if self.mic else None,
        ).encode()
        if not self.mic:
            return message
        mic = hmac.digest(exported, self.sent + wire + without_mic(message), "md5")
        return message[:72] + mic + message[88:]

    def _respond(self, challenge: Challenge) -> tuple[bytes, bytes]:
        identity = (self.hashed_user or self.user.upper()) + (
            self.domain if self.hashed_domain is None else self.hashed_domain
        )
        key = response_key(nt_hash(self.password), identity.encode("utf-16-le"))
        pairs = {AvId(name): value for name, value in AvPairs.read(Reader(challenge.target_info))}
        flagged = {AvId.FLAGS: b"\x02\0\0\0"} if self.mic else {}
        edited = pairs | flagged | dict(self.pairs)
        kept = AvPairs(tuple((int(name), value) for name, value in edited.items() if value is not None))
        unproven = Ntlmv2Response(bytes(16), bytes(8), b"\xaa" * 8, kept, self.trailing)
        proof = hmac.digest(key, challenge.server_challenge + unproven.covered, "md5")
        return proof + unproven.covered, hmac.digest(key, proof, "md5")

"""The proof of NTLMv2: from a password, or from the hash kept of it, to the session base key.

Nothing here decides who a user is: an account source looks the hash up, and compares here.  MS-NLMP 3.3.2
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from rpch.auth.names import simple_upper
from rpch.auth.ntlm.md4 import md4

PROOF_SIZE: Final = 16
# Compared when there is no such account, so that the work is the same. Nobody knows a password for it.
NO_HASH: Final = bytes.fromhex("d6e0a4b1c97f4a30925c1e8b7730f2d4")


@dataclass(frozen=True, slots=True)
class NtlmClaim:
    """What a client sent to prove who it is: names as sent, answer to the challenge.  MS-NLMP 2.2.2.8"""

    user: str
    domain: str
    server_challenge: bytes = field(repr=False)
    nt_response: bytes = field(repr=False)


def nt_hash(password: str) -> bytes:
    """The NT hash of a password: whoever has it has the password.  MS-NLMP 3.3.1"""
    return md4(password.encode("utf-16-le", "surrogatepass"))


def response_key(hashed: bytes, identity: bytes) -> bytes:
    """NTOWFv2: the hash bound to the identity's UTF-16 bytes.  MS-NLMP 3.3.2"""
    return hmac.digest(hashed, identity, "md5")


def session_base_key(hashed: bytes | None, claim: NtlmClaim) -> bytes | None:
    """The key both ends now share when the claim is proven by this hash, None when it is not.

    All forms of the identity are tried and the same work is done without a hash.  MS-NLMP 3.3.2
    """
    proof, blob = claim.nt_response[:PROOF_SIZE], claim.nt_response[PROOF_SIZE:]
    message = claim.server_challenge + blob
    found: bytes | None = None
    for identity in identities(claim.user, claim.domain):
        key = response_key(NO_HASH if hashed is None else hashed, identity)
        matches = hmac.compare_digest(hmac.digest(key, message, "md5"), proof)
        if matches and found is None:
            found = hmac.digest(key, proof, "md5")
    return None if hashed is None else found


def identities(user: str, domain: str) -> Sequence[bytes]:
    """What a client may have hashed for these names: the domain as sent, in upper case, or left out.

    The user is always in upper case, by newer and by older tables of it.
    """
    return [
        (upper + of_domain).encode("utf-16-le", "surrogatepass")
        for upper in (simple_upper(user), older_upper(user))
        for of_domain in (domain, simple_upper(domain), "")
    ]


def older_upper(user: str) -> str:
    """Upper case by the older table, which leaves many letters of later Unicode versions alone."""
    return "".join(char if _is_left_alone(ord(char)) else simple_upper(char) for char in user)


# Observed: letters with an upper case that the older table does not change, below U+0530 (all of Samba's
# checker's answers were compared).
_LEFT_ALONE: Final[Sequence[tuple[int, int]]] = (
    (0x00B5, 0x00B5), (0x0131, 0x0131), (0x017F, 0x0180), (0x0195, 0x0195), (0x019A, 0x019A),
    (0x019E, 0x019E), (0x01BF, 0x01BF), (0x01C5, 0x01C5), (0x01C8, 0x01C8), (0x01CB, 0x01CB),
    (0x01F2, 0x01F2), (0x01F9, 0x01F9), (0x0219, 0x021F), (0x0223, 0x0233), (0x023C, 0x023C),
    (0x023F, 0x0242), (0x0247, 0x0252), (0x025C, 0x025C), (0x0261, 0x0261), (0x0265, 0x0266),
    (0x026A, 0x026C), (0x0271, 0x0271), (0x027D, 0x027D), (0x0280, 0x0282), (0x0287, 0x0289),
    (0x028C, 0x028C), (0x029D, 0x029E), (0x0345, 0x0345), (0x0371, 0x0377), (0x037B, 0x037D),
    (0x03D0, 0x03D1), (0x03D5, 0x03E1), (0x03F0, 0x03F5), (0x03F8, 0x03F8), (0x03FB, 0x03FB),
    (0x0450, 0x0450), (0x045D, 0x045D), (0x048B, 0x048F), (0x04C6, 0x04C6), (0x04CA, 0x04CA),
    (0x04CE, 0x04CF), (0x04ED, 0x04ED), (0x04F7, 0x04F7), (0x04FB, 0x052F),
)  # fmt: skip

# Observed: above U+0530 it changes only these.
_CHANGED: Final[Sequence[tuple[int, int]]] = (
    (0x0561, 0x0586), (0x1E01, 0x1E95), (0x1EA1, 0x1EF9), (0x1F00, 0x1F7D), (0x1FB0, 0x1FB1),
    (0x1FD0, 0x1FD1), (0x1FE0, 0x1FE1), (0x1FE5, 0x1FE5), (0x2170, 0x217F), (0x24D0, 0x24E9),
    (0xFF41, 0xFF5A),
)  # fmt: skip


def _is_left_alone(code: int) -> bool:
    if code < 0x0530:
        return any(low <= code <= high for low, high in _LEFT_ALONE)
    return not any(low <= code <= high for low, high in _CHANGED)

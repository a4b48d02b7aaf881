"""What one step of HTTP authentication comes to.

Outside, every failure looks alike; the rule and the detail are for the log, the metrics and the dashboard.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from rpch.auth.accounts import Identity

Headers = tuple[tuple[str, str], ...]


class AuthRule(StrEnum):
    """The rules that refuse credentials, by the names that logs and metrics show."""

    SCHEME_NOT_OFFERED = "SchemeNotOffered"
    NOTHING_OFFERED = "NothingOffered"
    CLEARTEXT = "CleartextCredentials"
    BAD_TOKEN = "BadToken"  # noqa: S105 -- a rule's name
    WRONG_CREDENTIALS = "WrongCredentials"
    OUT_OF_SEQUENCE = "OutOfSequence"
    CHALLENGE_EXPIRED = "ChallengeExpired"
    UNAVAILABLE = "AccountsUnavailable"
    THROTTLE = "Throttle"
    ACCOUNT_DISABLED = "AccountDisabled"
    ACCOUNT_LOCKED = "AccountLocked"
    NO_ACCOUNT = "NoSuchAccount"
    NTLM_UNAVAILABLE = "NtlmUnavailable"
    NTLM_V1 = "NtlmV1"
    NTLM_LM = "NtlmLm"
    ANONYMOUS = "Anonymous"
    MACHINE_ACCOUNT = "MachineAccount"
    NTLM_FLAGS = "NtlmFlags"
    NTLM_ECHO = "NtlmEcho"
    NTLM_MIC = "NtlmMic"
    KERBEROS = "Kerberos"
    KERBEROS_REALM = "KerberosRealm"
    KERBEROS_PRINCIPAL = "KerberosPrincipal"
    SPNEGO_MECHANISM = "SpnegoMechanism"
    SPNEGO_MIC = "SpnegoMic"
    CHANNEL_BINDING = "ChannelBinding"
    NO_CHANNEL_BINDING = "NoChannelBinding"
    TARGET_NAME = "TargetName"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why credentials were refused: the rule that did it, and what a log may say about it."""

    rule: str
    detail: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.detail}"


@dataclass(frozen=True, slots=True)
class Authenticated:
    """It is known who asks. `headers` belong on the answer, whatever its status.  RFC 4559 5"""

    identity: Identity
    headers: Headers = ()


@dataclass(frozen=True, slots=True)
class Challenge:
    """Answer 401 with these headers and keep the connection; `failure` when credentials were refused."""

    headers: Headers
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """Answer this status with these headers and close the connection."""

    rule: str
    detail: str
    status: int = 401
    headers: Headers = ()


AuthOutcome = Authenticated | Challenge | Refused

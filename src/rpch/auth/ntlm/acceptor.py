"""The accepting side of NTLM: NTLMv2 alone, against accounts of ours.  MS-NLMP 3.2.5

    NEGOTIATE    -> CHALLENGE
    AUTHENTICATE -> proof -> keys -> MIC -> channel binding and target name -> done

Proof and MIC cover the bytes as they came: clients end their response in bytes of their own, and order the
attributes as they like, so nothing is encoded anew. What follows the proof is reached with the right password
only; it tells a relay from a client, so whoever fails there is worth an operator's attention.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from typing import Final

from rpch.auth.accounts import NOBODY, AccountSource
from rpch.auth.channel_binding import Channel
from rpch.auth.extended_protection import BindingState, ExtendedProtection
from rpch.auth.mechanism import Continue, Done, Established, Failed, Step, StepFailed
from rpch.auth.names import UserName
from rpch.auth.ntlm.av_pairs import AvFlags, AvId, AvPairs
from rpch.auth.ntlm.flags import PROTECTION, NtlmFlags, effective, grant
from rpch.auth.ntlm.messages import NO_VERSION, OUR_VERSION, Authenticate, Challenge, Negotiate, without_mic
from rpch.auth.ntlm.proof import NtlmClaim
from rpch.auth.ntlm.rc4 import rc4
from rpch.auth.ntlm.response import Ntlmv2Response, ResponseKind, kind_of
from rpch.auth.ntlm.session import NtlmSession
from rpch.auth.ntlm.settings import MicPolicy, NtlmSettings
from rpch.auth.outcomes import AuthRule, Failure
from rpch.errors import AccessDenied, DecodeError, TransportError

CHALLENGE_SIZE: Final = 8
NO_KEY: Final = bytes(16)


@dataclass(frozen=True, slots=True)
class _Exchange:
    """What the first half left behind: both messages as they travelled, and until when they count."""

    negotiate: bytes = field(repr=False)
    challenge: bytes = field(repr=False)
    flags: NtlmFlags
    target_info: AvPairs
    deadline: float


class NtlmAcceptor:
    """One exchange. It answers one NEGOTIATE and judges one AUTHENTICATE.

    `server_challenge` are eight random bytes, fresh for each exchange. Without a channel nothing is checked
    that binds to one, as on RPC connections; there `signs_messages` tells that what follows is signed, and
    `anonymous` takes those who want to be nobody: what they may do is decided elsewhere.
    """

    def __init__(
        self,
        settings: NtlmSettings,
        accounts: AccountSource,
        *,
        server_challenge: bytes,
        protection: ExtendedProtection | None = None,
        channel: Channel | None = None,
        signs_messages: bool = False,
        anonymous: bool = False,
    ) -> None:
        if len(server_challenge) != CHALLENGE_SIZE:
            raise ValueError("a server challenge has 8 bytes")
        self._settings, self._accounts = settings, accounts
        self._server_challenge = server_challenge
        self._protection, self._channel = protection, channel
        self._signs_messages, self._anonymous = signs_messages, anonymous
        self._exchange: _Exchange | None = None
        self._over = False

    async def step(self, token: bytes, now: float) -> Step:
        """Take NEGOTIATE, then AUTHENTICATE.  MS-NLMP 3.2.5.1"""
        try:
            if self._over:
                raise StepFailed(AuthRule.OUT_OF_SEQUENCE, "this exchange is over")
            if self._exchange is None:
                return self._answer_negotiate(token, now)
            self._over = True
            return Done(await self._judge(self._exchange, token, now))
        except DecodeError as error:
            failure = Failure(AuthRule.BAD_TOKEN, str(error))
        except StepFailed as failed:
            failure = failed.failure
        except AccessDenied as denied:
            failure = Failure(denied.rule, denied.detail)
        except TransportError as error:
            failure = Failure(AuthRule.UNAVAILABLE, error.reason)
        self._over = True
        return Failed(failure)

    def _answer_negotiate(self, token: bytes, now: float) -> Continue:
        requested = Negotiate.decode(token).flags
        if requested & NtlmFlags.DATAGRAM:
            raise StepFailed(AuthRule.NTLM_FLAGS, "connectionless NTLM")
        if not requested & (NtlmFlags.UNICODE | NtlmFlags.OEM):
            raise StepFailed(AuthRule.NTLM_FLAGS, "neither Unicode nor OEM names")
        flags = grant(requested, domain_member=self._settings.domain_member)
        target_info = self._settings.target_info(now)
        charset = "utf-16-le" if flags & NtlmFlags.UNICODE else "ascii"
        challenge = Challenge(
            flags=flags,
            server_challenge=self._server_challenge,
            target_name=self._settings.target_name.encode(charset),
            target_info=target_info.encode(),
            version=OUR_VERSION if flags & NtlmFlags.VERSION else NO_VERSION,
        ).encode()
        deadline = now + self._settings.challenge_lifetime
        self._exchange = _Exchange(token, challenge, flags, target_info, deadline)
        return Continue(challenge)

    async def _judge(self, exchange: _Exchange, token: bytes, now: float) -> Established:
        message = Authenticate.decode(token)
        flags = effective(exchange.flags, message.flags)
        if self._anonymous and _wants_to_be_nobody(message):
            return _nobody(message, flags)
        if flags & PROTECTION and not _protects(flags):
            raise StepFailed(AuthRule.NTLM_FLAGS, "signing without 128-bit keys or extended session security")
        name = UserName(_text(message.user, flags), _text(message.domain, flags))
        _refuse_old_responses(message)
        response = Ntlmv2Response.decode(message.nt_response)
        if self._settings.require_echo:
            _check_echo(exchange.target_info, response.av_pairs)
        if now >= exchange.deadline:
            raise StepFailed(AuthRule.CHALLENGE_EXPIRED, "the challenge is too old")
        if name.user.endswith("$") and not self._settings.machine_accounts:
            raise StepFailed(AuthRule.MACHINE_ACCOUNT, f"{name} is a machine's account")
        claim = NtlmClaim(name.user, name.domain, self._server_challenge, message.nt_response)
        proof = await self._accounts.verify_ntlm(claim)
        if proof is None:
            raise StepFailed(AuthRule.WRONG_CREDENTIALS, f"user {str(name)!r}")
        exported, key_failure = _exported_key(proof.session_base_key, message.session_key, flags)
        target_name = _target_name(response.av_pairs)
        state, bound_failure = self._judge_channel(response.av_pairs, target_name)
        mic_failure = self._judge_mic(exchange, token, message, response.av_pairs, exported, state)
        # The binding first: who sends neither must mend that one, and a relay shows itself by it.
        if failure := key_failure or bound_failure or mic_failure:
            raise StepFailed(failure.rule, f"{failure.detail} (user {str(proof.identity)!r})")
        session = NtlmSession(exported, flags, acceptor=True)
        return Established("NTLM", proof.identity, session, str(name), state, target_name)

    def _judge_channel(self, pairs: AvPairs, target_name: str) -> tuple[BindingState, Failure | None]:
        """Whether the client saw our certificate and wanted us.  MS-NLMP 3.2.5.1.2"""
        if self._channel is None or self._protection is None:
            return BindingState.NOT_CHECKED, None
        return self._protection.judge(self._channel, pairs.get(AvId.CHANNEL_BINDINGS), target_name)

    def _judge_mic(
        self,
        exchange: _Exchange,
        token: bytes,
        message: Authenticate,
        pairs: AvPairs,
        exported: bytes,
        state: BindingState,
    ) -> Failure | None:
        """Whether nobody changed the three messages. Only the flag tells of a MIC.  MS-NLMP 3.2.5.1.2"""
        if not pairs.flags & AvFlags.MIC:
            cure = "let the client send one, serve it by Basic, or set extended-protection to allow"
            missing = Failure(AuthRule.NTLM_MIC, f"no MIC, and it is required: {cure}")
            return missing if self._requires_mic(state) else None
        if message.mic is None:
            return Failure(AuthRule.NTLM_MIC, "a MIC is announced where there is no room for one")
        covered = exchange.negotiate + exchange.challenge + without_mic(token)
        if not hmac.compare_digest(hmac.digest(exported, covered, "md5"), message.mic):
            return Failure(AuthRule.NTLM_MIC, "the MIC does not fit: the exchange was changed on its way")
        return None

    def _requires_mic(self, state: BindingState) -> bool:
        match self._settings.mic:
            case MicPolicy.REQUIRE:
                return True
            case MicPolicy.IF_FLAGGED:
                return False
            case MicPolicy.BY_PROTECTION:
                return state is not BindingState.MATCH and not self._signs_messages


def _protects(flags: NtlmFlags) -> bool:
    strong = NtlmFlags.EXTENDED_SESSION_SECURITY | NtlmFlags.KEY_128
    return flags & strong == strong


def _wants_to_be_nobody(message: Authenticate) -> bool:
    kind = kind_of(message.nt_response, message.lm_response)
    return not message.user and kind is ResponseKind.EMPTY


def _nobody(message: Authenticate, flags: NtlmFlags) -> Established:
    """A session with nobody: its key is made from zeros, so it protects nothing.  MS-NLMP 3.2.5.1.2"""
    exported, failure = _exported_key(NO_KEY, message.session_key, flags)
    if failure is not None:
        raise StepFailed(failure.rule, failure.detail)
    return Established("NTLM", NOBODY, NtlmSession(exported, flags, acceptor=True))


def _refuse_old_responses(message: Authenticate) -> None:
    """NTLMv2 alone is taken; the log says what else came.  MS-NLMP 3.2.5.1.2"""
    match kind_of(message.nt_response, message.lm_response):
        case ResponseKind.NTLMV2:
            if not message.user:
                raise StepFailed(AuthRule.ANONYMOUS, "a response without a user name")
        case ResponseKind.NTLMV1:
            raise StepFailed(AuthRule.NTLM_V1, "the client is limited to NTLMv1")
        case ResponseKind.LM:
            raise StepFailed(AuthRule.NTLM_LM, "the client sends LM responses only")
        case ResponseKind.EMPTY:
            raise StepFailed(AuthRule.ANONYMOUS, "the client wants to be nobody")


def _check_echo(sent: AvPairs, returned: AvPairs) -> None:
    """All that we said about ourselves comes back; a relay would edit it, first of all the time."""
    for name, value in sent:
        if returned.get(AvId(name)) != value:
            raise StepFailed(AuthRule.NTLM_ECHO, f"{AvId(name).name} came back changed: relayed or broken")


def _exported_key(base_key: bytes, sent: bytes, flags: NtlmFlags) -> tuple[bytes, Failure | None]:
    """The key of the session: the one the client chose, if that was agreed.  MS-NLMP 3.2.5.1.2"""
    if not (flags & NtlmFlags.KEY_EXCHANGE and flags & PROTECTION):
        return base_key, None
    if len(sent) != len(base_key):
        return base_key, Failure(AuthRule.BAD_TOKEN, f"a session key of {len(sent)} bytes")
    return rc4(base_key).update(sent), None


def _target_name(pairs: AvPairs) -> str:
    """The service the client wanted; nothing when it had the name from somebody it does not trust."""
    raw = pairs.get(AvId.TARGET_NAME)
    if raw is None or pairs.flags & AvFlags.UNTRUSTED_TARGET:
        return ""
    return _unicode(raw)


def _text(raw: bytes, flags: NtlmFlags) -> str:
    """A name in the agreed character set; older ones are whatever the client's system has.  MS-NLMP 2.2"""
    if flags & NtlmFlags.UNICODE:
        return _unicode(raw)
    for charset in ("utf-8", "cp1252"):
        try:
            return _without_nul(raw.decode(charset))
        except UnicodeDecodeError:
            continue
    raise DecodeError("a name in no known character set", at=0)


def _unicode(raw: bytes) -> str:
    try:
        return _without_nul(raw.decode("utf-16-le"))
    except UnicodeDecodeError as error:
        raise DecodeError("a name that is no UTF-16", at=error.start) from None


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise DecodeError("a name with a NUL in it", at=text.index("\0"))
    return text

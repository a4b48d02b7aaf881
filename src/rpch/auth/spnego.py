"""The accepting side of SPNEGO: choose a mechanism, run it, prove that nobody changed the choice.  RFC 4178

    START -> MECHANISM -> [MIC] -> OVER

The first mechanism of the client that we have is chosen. Was it the client's first, its token is taken at
once; else the token belongs to another mechanism and is dropped, and both ends must sign the list of
mechanisms, since somebody on the way may have taken a better one off it.

Who sends a bare token of NTLM or Kerberos is answered bare.  RFC 4559 4.1
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum, auto
from typing import Final

from rpch.auth.mechanism import Continue, Done, Established, Failed, Mechanism, Step, StepFailed
from rpch.auth.ntlm.messages import SIGNATURE
from rpch.auth.outcomes import AuthRule
from rpch.auth.security import SignatureMismatch
from rpch.auth.spnego_tokens import (
    KERBEROS,
    MS_KERBEROS,
    NTLM,
    SPNEGO,
    NegState,
    NegTokenInit,
    NegTokenResp,
    framed_mechanism,
)
from rpch.errors import DecodeError

REJECT: Final = NegTokenResp(NegState.REJECT).encode()

MechanismFactory = Callable[[], Mechanism]


class _State(Enum):
    START = auto()
    MECHANISM = auto()
    MIC = auto()
    OVER = auto()


class SpnegoAcceptor:
    """One exchange. `mechanisms` are ours by their object identifiers, in any order."""

    def __init__(self, mechanisms: Mapping[bytes, MechanismFactory]) -> None:
        self._mechanisms = mechanisms
        self._state = _State.START
        self._bare: Mechanism | None = None
        self._chosen: Mechanism
        self._announce: bytes | None = None  # the mechanism to name in our next token, which is our first
        self._mechanism_list = b""
        self._mic_required = False
        self._established: Established | None = None

    async def step(self, token: bytes, now: float) -> Step:
        """Take the next token of the client.  RFC 4178 3.2"""
        if self._bare is not None:
            return await self._bare.step(token, now)
        try:
            match self._state:
                case _State.START:
                    return await self._begin(token, now)
                case _State.MECHANISM:
                    return await self._go_on(NegTokenResp.decode(token), now)
                case _State.MIC:
                    return self._take_mic(NegTokenResp.decode(token))
                case _State.OVER:
                    raise StepFailed(AuthRule.OUT_OF_SEQUENCE, "this exchange is over")
        except DecodeError as error:
            failed = StepFailed(AuthRule.BAD_TOKEN, str(error))
        except SignatureMismatch:
            failed = StepFailed(AuthRule.SPNEGO_MIC, "the list of mechanisms was changed on its way")
        except StepFailed as error:
            failed = error
        self._state = _State.OVER
        return Failed(failed.failure, REJECT)

    async def _begin(self, token: bytes, now: float) -> Step:
        bare = NTLM if token.startswith(SIGNATURE) else framed_mechanism(token)
        if bare not in (None, SPNEGO):
            return await self._begin_bare(bare or b"", token, now)
        init = NegTokenInit.decode(token)
        chosen = next((oid for oid in init.mechanisms if self._factory(oid)), None)
        factory = self._factory(chosen) if chosen else None
        if factory is None:
            raise StepFailed(AuthRule.SPNEGO_MECHANISM, "the client offers no mechanism that is on here")
        self._state, self._chosen, self._announce = _State.MECHANISM, factory(), chosen
        self._mechanism_list = init.mechanism_list
        if chosen != init.mechanisms[0]:
            self._mic_required = True
            return Continue(self._reply(NegState.REQUEST_MIC))
        if init.token is None:
            return Continue(self._reply(NegState.ACCEPT_INCOMPLETE))
        return await self._advance(init.token, init.mic, now)

    async def _begin_bare(self, oid: bytes, token: bytes, now: float) -> Step:
        factory = self._factory(oid)
        if factory is None:
            raise StepFailed(AuthRule.SPNEGO_MECHANISM, "the client's mechanism is not on here")
        self._bare = factory()
        return await self._bare.step(token, now)

    async def _go_on(self, response: NegTokenResp, now: float) -> Step:
        if response.state is NegState.REJECT:
            raise StepFailed(AuthRule.SPNEGO_MECHANISM, "the client rejected our choice")
        if response.token is None:
            raise StepFailed(AuthRule.BAD_TOKEN, "no token of the mechanism")
        return await self._advance(response.token, response.mic, now)

    async def _advance(self, token: bytes, mic: bytes | None, now: float) -> Step:
        """One step of the chosen mechanism, and the MIC when that was the last."""
        step = await self._chosen.step(token, now)
        match step:
            case Continue(token=answer):
                return Continue(self._reply(NegState.ACCEPT_INCOMPLETE, answer))
            case Failed(failure=failure):
                self._state = _State.OVER
                return Failed(failure, REJECT)
            case Done(established=established, token=answer):
                return self._finish(established, answer, mic)

    def _finish(self, established: Established, answer: bytes | None, mic: bytes | None) -> Step:
        """The mechanism is done: sign the list of mechanisms where that is due.  RFC 4178 5"""
        session = established.session
        if self._mic_required and not session.protects_mechanisms:
            raise StepFailed(AuthRule.SPNEGO_MIC, "the list of mechanisms cannot be signed, and must be")
        if mic is not None:
            session.verify_mechanisms(self._mechanism_list, mic)
        if mic is None and not self._mic_required:
            self._state = _State.OVER
            return Done(established, self._reply(NegState.ACCEPT_COMPLETED, answer))
        ours = session.sign_mechanisms(self._mechanism_list)
        if mic is None:
            self._state, self._established = _State.MIC, established
            return Continue(self._reply(NegState.ACCEPT_INCOMPLETE, answer, ours))
        self._state = _State.OVER
        return Done(established, self._reply(NegState.ACCEPT_COMPLETED, answer, ours))

    def _take_mic(self, response: NegTokenResp) -> Step:
        """The MIC that was still due, and nothing else.  RFC 4178 5"""
        if self._established is None or response.mic is None or response.token is not None:
            raise StepFailed(AuthRule.SPNEGO_MIC, "no MIC over the list of mechanisms, and it is required")
        self._established.session.verify_mechanisms(self._mechanism_list, response.mic)
        self._state = _State.OVER
        return Done(self._established, self._reply(NegState.ACCEPT_COMPLETED))

    def _reply(self, state: NegState, token: bytes | None = None, mic: bytes | None = None) -> bytes:
        mechanism, self._announce = self._announce, None
        return NegTokenResp(state, mechanism, token, mic).encode()

    def _factory(self, oid: bytes) -> MechanismFactory | None:
        return self._mechanisms.get(KERBEROS if oid == MS_KERBEROS else oid)

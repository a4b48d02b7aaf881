"""Fuzzed: tokens and headers of authentication, and the acceptors that judge them.

Whoever checks proofs here believes everybody, so that what comes behind a right proof is reached too.
"""

from __future__ import annotations

import dataclasses
from contextlib import suppress
from typing import Final

from rpch.auth import der
from rpch.auth.accounts import AccountSource, Identity, NtlmProof
from rpch.auth.basic import BasicCredentials
from rpch.auth.channel_binding import Channel, ChannelBinding
from rpch.auth.extended_protection import ExtendedProtection, ProtectionMode
from rpch.auth.http_authenticator import HttpAuthenticator
from rpch.auth.initiator import Package, TokenInitiator
from rpch.auth.mechanism import Continue, Mechanism
from rpch.auth.ntlm.acceptor import NtlmAcceptor
from rpch.auth.ntlm.av_pairs import AvId
from rpch.auth.ntlm.flags import NtlmFlags
from rpch.auth.ntlm.messages import Authenticate, Challenge, Negotiate
from rpch.auth.ntlm.proof import NtlmClaim
from rpch.auth.ntlm.session import NtlmSession
from rpch.auth.ntlm.settings import MicPolicy, NtlmSettings
from rpch.auth.schemes import Scheme, read_authorization, with_token
from rpch.auth.security import SignatureMismatch
from rpch.auth.spnego import SpnegoAcceptor
from rpch.auth.spnego_tokens import KERBEROS, NTLM, NegTokenInit, NegTokenResp
from rpch.client.principals import Principal
from rpch.errors import AccessDenied, AuthenticationFailed
from rpch.http.authenticate import read_challenges
from rpch.probe.certificate import Certificate
from rpch.proxy.client_certificates import ClientCertificate
from rpch.wire import Reader
from tests.fuzz.target import TOLERATED, Target, each, finished, joined, parts
from tests.unit.auth.ntlm.crafted_client import CraftedClient

_SETTINGS: Final = NtlmSettings.standalone("mail.lab.test", domain="LAB")
_BINDING: Final = ChannelBinding.of_hash(bytes(32))
_TLS: Final = Channel(tls=True, bindings=(_BINDING,))
_CHALLENGE: Final = b"fuzzfuzz"
_STRONG: Final = (
    NtlmFlags.UNICODE
    | NtlmFlags.SIGN
    | NtlmFlags.SEAL
    | NtlmFlags.EXTENDED_SESSION_SECURITY
    | NtlmFlags.KEY_128
    | NtlmFlags.KEY_EXCHANGE
)


class Credulous(AccountSource):
    """Accounts of everybody, with any password."""

    async def verify_password(self, name: str, password: str) -> Identity | None:
        return Identity(name, "LAB")

    async def verify_ntlm(self, claim: NtlmClaim) -> NtlmProof | None:
        return NtlmProof(Identity(claim.user, claim.domain), bytes(16))


def _acceptor(policy: int) -> NtlmAcceptor:
    """One of several strictnesses."""
    return NtlmAcceptor(
        dataclasses.replace(
            _SETTINGS,
            mic=list(MicPolicy)[policy % 3],
            require_echo=bool(policy & 4),
            machine_accounts=bool(policy & 8),
        ),
        Credulous(),
        server_challenge=_CHALLENGE,
        protection=ExtendedProtection(list(ProtectionMode)[policy // 16 % 3], hosts=("mail.lab.test",)),
        channel=_TLS,
        anonymous=bool(policy & 64),
    )


def _exchange(mechanism: Mechanism, data: bytes) -> None:
    """Tokens until the exchange is over."""
    for token in parts(data):
        if not isinstance(finished(mechanism.step(token, 0.0)), Continue):
            return


def _ntlm_acceptor(data: bytes) -> None:
    _exchange(_acceptor(data[0] if data else 0), data[1:])


def _spnego_acceptor(data: bytes) -> None:
    policy = data[0] if data else 0
    _exchange(SpnegoAcceptor({NTLM: lambda: _acceptor(policy)}), data[1:])


_AUTHENTICATOR: Final = HttpAuthenticator(
    Credulous(),
    schemes=tuple(Scheme),
    ntlm=_SETTINGS,
    protection=ExtendedProtection(ProtectionMode.ALLOW, hosts=("mail.lab.test",)),
    clock=lambda: 0.0,
    wall_clock=lambda: 0.0,
    random=lambda size: _CHALLENGE[:size],
)


def _http_session(data: bytes) -> None:
    """The Authorization lines of one connection."""
    session = _AUTHENTICATOR.session(peer="192.0.2.1", channel=_TLS)
    for line in data.decode("latin-1").split("\n"):
        finished(session.step(line, secure=True))


def _session(data: bytes) -> None:
    """What somebody signs and seals to an established session; the first mistake ends it."""
    message, signature, *_ = [*parts(data), b"", b""]
    with suppress(SignatureMismatch):
        NtlmSession(bytes(16), _STRONG, acceptor=True).verify_mechanisms(message, signature)
    with suppress(SignatureMismatch):
        NtlmSession(bytes(16), _STRONG, acceptor=True).verify(message, signature)
    NtlmSession(bytes(16), _STRONG, acceptor=True).unseal(b"head", message, b"tail", signature)


def _signed() -> tuple[bytes, ...]:
    """What the other side of that session sends first."""
    client = [NtlmSession(bytes(16), _STRONG, acceptor=False) for _ in range(3)]
    sealed, signature = client[2].seal(b"head", b"message", b"tail")
    return (
        joined(b"message", client[0].sign_mechanisms(b"message")),
        joined(b"message", client[1].sign(b"message")),
        joined(sealed, signature),
    )


def _initiator(data: bytes) -> None:
    """What a server may answer to our own client."""
    client = TokenInitiator(Package.NTLM, r"LAB\alice", "secret", host="mail.lab.test", binding=_BINDING)
    client.step()
    for token in parts(data):
        client.step(token)


def _credentials(data: bytes) -> None:
    _, token = read_authorization(data.decode("latin-1"))
    BasicCredentials.decode(token if token is not None else data)
    read_challenges([data.decode("latin-1")])


def _der(data: bytes) -> None:
    reader = Reader(data)
    while reader.remaining:
        tag, value = der.read(reader)
        der.decode_as(der.encode(tag, value), tag)


def _principals(data: bytes) -> None:
    for text in ("msstd:proxy.example", r"fullsic:\<\Root\CN=proxy>"):
        with suppress(AccessDenied):
            Principal.parse(text).check([data])


_certificates: Final = each(
    (ClientCertificate.of, ChannelBinding.of_certificate, Certificate.decode, _principals)
)


def _answers() -> tuple[bytes, ...]:
    """What a client says and is answered; then what it says last with binding and MIC, and without."""
    made = []
    for mic, pairs in ((True, {AvId.CHANNEL_BINDINGS: _BINDING.digest}), (False, {})):
        client = CraftedClient(mic=mic, pairs=pairs)
        first = client.negotiate()
        answer = finished(_acceptor(0).step(first, 0.0))
        assert isinstance(answer, Continue)
        made.append(client.authenticate(answer.token))
    return first, answer.token, *made


_FIRST, _CHALLENGED, _BOUND, _UNBOUND = _answers()
_CERTIFICATE: Final = bytes.fromhex(  # of mail.example.test: ECDSA with SHA-256
    "308201243081cba003020102020101300a06082a8648ce3d040302301c311a301806035504030c116d61696c2e6578616d70"
    "6c652e74657374301e170d3236303130313030303030305a170d3336303130313030303030305a301c311a30180603550403"
    "0c116d61696c2e6578616d706c652e746573743059301306072a8648ce3d020106082a8648ce3d03010703420004c36ce488"
    "c52686c16cdf0b12e4005f89aa956720c81d43560c2dc445021e578af1ac4f14a455bc2a12a1ef5eb2f21a66b00d7044e893"
    "2eeb5d707ab7fc9f34af300a06082a8648ce3d0403020348003045022100a8e7418eb4e84ce444842b4e66d1c4ba1287726a"
    "3643602cc4a760dda9b3dcf1022058d66f2c2218790ac62502c46eba4e51d4261a22fbda5109f0aaf9d7ee433747"
)
_WRAPPED: Final = (
    NegTokenInit((NTLM,), _FIRST).encode(),
    NegTokenResp(token=_BOUND).encode(),
    NegTokenInit((KERBEROS, NTLM), b"a ticket").encode(),
    NegTokenResp(token=_FIRST).encode(),
    NegTokenResp(token=_BOUND, mic=bytes(16)).encode(),
)
_LINES: Final = (
    b"Basic YWxpY2U6c2VjcmV0",
    b"\n".join(with_token(Scheme.NTLM, token).encode() for token in (_FIRST, _UNBOUND)),
    b"\n".join(with_token(Scheme.NEGOTIATE, token).encode() for token in _WRAPPED[:2]),
)

AUTH_TARGETS: Final = (
    Target("credentials", _credentials, (b"Basic TEFCXGFsaWNlOnB3", b'NTLM TlRMTVNTUAAB, Basic realm="x"')),
    Target("ntlm", each((Negotiate.decode, Challenge.decode, Authenticate.decode)), (_FIRST, _BOUND)),
    Target(
        "ntlm-acceptor",
        _ntlm_acceptor,
        (b"\x00" + joined(_FIRST, _BOUND), b"\x05" + joined(_FIRST, _UNBOUND)),
    ),
    Target("ntlm-session", _session, _signed()),
    Target("spnego", each((NegTokenInit.decode, NegTokenResp.decode)), _WRAPPED),
    Target(
        "spnego-acceptor",
        _spnego_acceptor,
        (b"\0" + joined(*_WRAPPED[:2]), b"\0" + joined(*_WRAPPED[2:])),
    ),
    Target("http-session", _http_session, _LINES),
    Target("initiator", _initiator, (joined(_CHALLENGED),), (*TOLERATED, AuthenticationFailed)),
    Target("der", _der, (*_WRAPPED[:1], _CERTIFICATE)),
    Target("certificates", _certificates, (_CERTIFICATE,)),
)

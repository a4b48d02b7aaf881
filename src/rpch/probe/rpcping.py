r"""Windows' `rpcping` and how it writes things, so that lines for it work here.

rpcping -t ncacn_http -s server -o RpcProxy=proxy.example -P "alice,LAB,*" -H Basic -u NTLM -a connect -F 3
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final
from uuid import UUID

from rpch.auth.schemes import Scheme
from rpch.client.principals import Principal
from rpch.dcerpc.binding import StringBinding, parse_interface
from rpch.dcerpc.hostport import HostPort
from rpch.dcerpc.pdus import AuthLevel, AuthType, SyntaxId
from rpch.errors import ConfigError

ASKED: Final = "*"
DEFAULT: Final = "default"
LOCAL: Final = "localhost"
USE_SSL: Final = 1
USE_FIRST: Final = 2
_FLAGS: Final = {"ssl": USE_SSL, "use_ssl": USE_SSL, "first": USE_FIRST, "use_first": USE_FIRST}
_SCHEMES: Final = {"1": Scheme.BASIC, "2": Scheme.NTLM} | {scheme.lower(): scheme for scheme in Scheme}

_NEGOTIATE: Final = dict.fromkeys(("9", "nego", "snego", "negotiate"), AuthType.NEGOTIATE)
_KERBEROS: Final = dict.fromkeys(("16", "kerberos"), AuthType.KERBEROS)
_PACKAGES: Final = {**_NEGOTIATE, **_KERBEROS, "10": AuthType.NTLM, "ntlm": AuthType.NTLM}
_LEVELS: Final = {
    "connect": AuthLevel.CONNECT,
    "call": AuthLevel.PKT,  # connections know no level between
    "pkt": AuthLevel.PKT,
    "integrity": AuthLevel.PKT_INTEGRITY,
    "privacy": AuthLevel.PKT_PRIVACY,
}


def compose_binding(
    protseq: str | None,
    server: str | None,
    endpoint: str | None,
    options: Sequence[str],
    object_uuid: str | None,
) -> StringBinding:
    """The binding of -t, -s, -e, -o and -O. As with rpcping, the protocol is TCP and the server this machine
    if nothing is said; but whoever names an RPC proxy means HTTP."""
    through_proxy = any("rpcproxy=" in option.lower() for option in options)
    protseq = protseq or ("ncacn_http" if through_proxy else "ncacn_ip_tcp")
    front = f"{object_uuid}@" if object_uuid else ""
    words = [endpoint or "", *options]
    return StringBinding.parse(f"{front}{protseq}:{server or LOCAL}[{','.join(words)}]")


def parse_identity(text: str, option: str, ask: Callable[[str], str]) -> tuple[str, str]:
    r"""`user,domain,password` as `DOMAIN\user` and password; `ask` gets the password where it is `*`."""
    user, comma, rest = text.partition(",")
    domain, second, password = rest.partition(",")
    if not user or not comma or not second:
        raise ConfigError(option, "is not user,domain,password; write * for a password that is asked for")
    name = f"{domain}\\{user}" if domain else user
    return name, ask(name) if password == ASKED else password


def parse_wanted_interface(text: str) -> SyntaxId:
    """`UUID`, `UUID,MAJOR`, `UUID,MAJOR.MINOR` or `UUID/vMAJOR.MINOR`; version 1 if none is said."""
    if "/" in text:
        return parse_interface(text)
    uuid, _, version = text.partition(",")
    major, _, minor = (version or "1").partition(".")
    numbers = (major, minor or "0")
    if not all(part.isdecimal() and int(part) <= 0xFFFF for part in numbers):
        raise ConfigError("-f", f"{version!r} is no version; write UUID,1.0")
    try:
        return SyntaxId(UUID(uuid), *map(int, numbers))
    except ValueError:
        raise ConfigError("-f", f"{uuid!r} is no UUID; write UUID,1.0") from None


def uses_tls(flags: str) -> bool:
    """Whether -F asks for TLS: 1 or ssl; 2 or first is about NTLM, and changes nothing here."""
    found = 0
    for word in flags.lower().split(","):
        if word.strip().isdecimal():
            found |= int(word)
        elif word.strip() in _FLAGS:
            found |= _FLAGS[word.strip()]
        else:
            raise ConfigError("-F", f"{word!r} is no flag; write 1 or ssl, 2 or first, 3 for both")
    return bool(found & USE_SSL)


def parse_scheme(text: str, option: str) -> Scheme | None:
    """The scheme of -H or -U; None where several are named, since then the strongest offered is taken."""
    named = [word.strip().lower() for word in text.split(",")]
    if unknown := [word for word in named if word not in _SCHEMES]:
        raise ConfigError(option, f"{unknown[0]!r} is not known; write Basic or 1, NTLM or 2, Negotiate")
    return _SCHEMES[named[0]] if len(named) == 1 else None


def parse_package(text: str, option: str = "-u") -> AuthType:
    """The security package of -u, by name or number."""
    if (found := _PACKAGES.get(text.lower())) is None:
        known = "NTLM or 10, Negotiate or 9, Kerberos or 16"
        raise ConfigError(option, f"{text!r} is not spoken here; write {known}")
    return found


def parse_level(text: str, option: str = "-a") -> AuthLevel:
    """The level of -a."""
    if (found := _LEVELS.get(text.lower())) is None:
        raise ConfigError(option, f"{text!r} is no level; write {', '.join(_LEVELS)}")
    return found


def with_http_proxy(binding: StringBinding, text: str) -> StringBinding:
    """-R: `none` for no HTTP proxy, its host and port, or `default` for that of the environment."""
    if text.lower() in ("none", DEFAULT):
        return replace(binding, http_proxy=None, use_http_proxy=False)
    return replace(binding, http_proxy=HostPort.parse(text), use_http_proxy=True)


def principal_of(text: str) -> Principal:
    """The subject of -B: a name, `msstd:name` or `fullsic:…`."""
    return Principal.parse(text if ":" in text else f"msstd:{text}")

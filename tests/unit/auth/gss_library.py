"""As much of python-gssapi as is used, for tests: `make interop` has the real one."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar

import pytest


class GSSError(Exception):
    """What the library raises."""


class BadChannelBindingsError(GSSError):
    """The client saw another certificate."""


class Iov(list[Any]):
    """Buffers: each has a kind and a value."""

    def __init__(self, *parts: Any, std_layout: bool = True) -> None:
        assert not std_layout
        whole = [part if isinstance(part, tuple) else (part, True, None) for part in parts]
        super().__init__(SimpleNamespace(kind=kind, value=value) for kind, _, value in whole)


class GssContext:
    """A context that the library keeps, with what was agreed on."""

    def __init__(self, flags: int) -> None:
        self.actual_flags = flags


class Krb5Error(Exception):
    """What the other library raises."""


class KrbLibrary(ModuleType):
    """As much of pykrb5 as is used: caches by the principal whose tickets they have; "" is the usual one."""

    Krb5Error = Krb5Error

    def __init__(self) -> None:
        super().__init__("krb5")
        self.caches: dict[str, Any] = {}
        self.asked: list[str] = []
        self.signed_in: list[tuple[str, bytes, dict[str, bool]]] = []
        self.destroyed: list[bytes] = []

    def init_context(self) -> str:
        return "context"

    def parse_name_flags(self, context: str, name: bytes) -> str:
        return name.decode()

    def cc_cache_match(self, context: str, name: str) -> Any:
        self.asked.append(name)
        if name not in self.caches:
            raise Krb5Error("no such cache")
        return self.caches[name]

    def cc_default(self, context: str) -> Any:
        return self.cc_cache_match(context, "")

    def get_init_creds_opt_alloc(self, context: str) -> dict[str, bool]:
        return {}

    def get_init_creds_opt_set_canonicalize(self, options: dict[str, bool], on: bool) -> None:
        options["canonicalize"] = on

    def get_init_creds_password(self, context: str, name: str, options: Any, *, password: bytes) -> Any:
        self.signed_in.append((name, password, options))
        if password == b"wrong":
            raise Krb5Error("the KDC says no")
        return SimpleNamespace(client=name)

    def cc_new_unique(self, context: str, kind: bytes) -> Any:
        return SimpleNamespace(cache_type=kind, name=b"%d" % len(self.signed_in))

    def cc_initialize(self, context: str, cache: Any, client: str) -> None:
        cache.client, cache.tickets = client, []

    def cc_store_cred(self, context: str, cache: Any, ticket: Any) -> None:
        cache.tickets.append(ticket)

    def cc_destroy(self, context: str, cache: Any) -> None:
        self.destroyed.append(cache.name)


class GssLibrary(ModuleType):
    """Keeps what it was asked; gives and raises what a test wants."""

    MechType = SimpleNamespace(kerberos="krb5")
    NameType = SimpleNamespace(kerberos_principal="principal")
    FLAGS: ClassVar[Any] = SimpleNamespace(channel_bound=0x800, dce_style=0x1000)

    def __init__(self) -> None:
        super().__init__("gssapi")
        self.RequirementFlag = self.FLAGS
        self.asked: list[Any] = []
        self.results: list[Any] = []
        self.no_credentials = False
        self.encrypts = True
        self.lifetime: float | None = 3600
        self.wrong: GSSError | None = None
        self.raw = SimpleNamespace(
            SecurityContext=GssContext,
            GSSError=GSSError,
            BadChannelBindingsError=BadChannelBindingsError,
            IOVBufferType=SimpleNamespace(header="header", data="data", sign_only="sign", mic_token="mic"),
            IOV=Iov,
            OID=lambda elements: elements,
            ChannelBindings=lambda application_data: application_data,
            import_name=lambda name, kind: (name, kind),
            display_name=lambda name, kind: SimpleNamespace(name=name),
            inquire_context=lambda context: SimpleNamespace(target_name=b"HTTP/mail@LAB"),
            inquire_sec_context_by_oid=lambda context, oid: [b"key of " + oid[-1:], b"kind"],
            acquire_cred_from=self._acquire,
            accept_sec_context=self._accept,
            get_mic=lambda context, message: b"mic of " + message,
            verify_mic=self._verify,
            wrap_iov=self._wrap,
            unwrap_iov=self._unwrap,
            wrap_iov_length=self._measure,
            get_mic_iov_length=self._measure,
        )

    def _acquire(self, store: Any, name: Any, *, mechs: Any, usage: str) -> Any:
        self.asked.append((store, name, mechs, usage))
        if self.no_credentials:
            raise GSSError("no key")
        return SimpleNamespace(creds="credentials", lifetime=self.lifetime)

    def _accept(self, *asked: Any) -> Any:
        self.asked.append(asked)
        result = self.results.pop(0)
        if isinstance(result, Exception):
            raise result
        return result

    def _verify(self, context: Any, message: bytes, mic: bytes) -> None:
        if self.wrong or mic != b"mic of " + message:
            raise self.wrong or GSSError("wrong")

    def _wrap(self, context: Any, parts: Iov, *, confidential: bool) -> bool:
        assert confidential
        self.asked.append([(part.kind, part.value) for part in parts])
        for part in parts:
            if part.kind == "data":
                part.value = part.value[::-1]
        parts[0].value = b"header"
        return self.encrypts

    def _unwrap(self, context: Any, parts: Iov) -> Any:
        self.asked.append([(part.kind, part.value) for part in parts])
        if self.wrong:
            raise self.wrong
        for part in parts:
            if part.kind == "data":
                part.value = part.value[::-1]
        return SimpleNamespace(encrypted=self.encrypts)

    def _measure(self, context: Any, parts: Iov, *, confidential: bool = False) -> None:
        for part in parts:
            if part.kind in ("header", "mic"):
                part.value = bytes(76 if confidential else 28)


class Flags(int):
    """A set of flags: both a number and something that contains."""

    def __contains__(self, flag: int) -> bool:
        return bool(self & flag)


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> GssLibrary:
    """The library in the place of the real one, whether that is installed or not."""
    made = GssLibrary()
    monkeypatch.setitem(sys.modules, "gssapi", made)
    return made


@pytest.fixture
def caches(library: GssLibrary, monkeypatch: pytest.MonkeyPatch) -> KrbLibrary:
    """Both libraries in the places of the real ones; there is no ticket."""
    made = KrbLibrary()
    monkeypatch.setitem(sys.modules, "krb5", made)
    return made


@pytest.fixture
def without_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither library, even where they are installed."""
    monkeypatch.setitem(sys.modules, "gssapi", None)
    monkeypatch.setitem(sys.modules, "krb5", None)

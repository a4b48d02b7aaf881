"""RPC interfaces, declared once for the server's dispatch and the client's calls.  C706 6, MS-RPCE 3.3.1

A class is an interface when `@interface` names it and `@operation` numbers its methods. On the class an
operation is an `Operation[Request, Response]`, which is what a client calls; on an instance it is the
method itself, which is what a server runs. The annotations of a method are its wire types. Where clients
should not need the server's code, the class is abstract and the server's class derives from it.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from types import MappingProxyType, SimpleNamespace
from typing import Any, Generic, Protocol, Self, TypeVar, cast, get_type_hints, overload
from uuid import UUID

from rpch.dcerpc.pdus import AuthLevel, SyntaxId


class Message(Protocol):
    """What travels as the stub of a request or a response."""

    def encode(self, *, little_endian: bool = True) -> bytes: ...

    @classmethod
    def decode(cls, stub: bytes, *, little_endian: bool = True) -> Self: ...


T = TypeVar("T")
Req = TypeVar("Req", bound=Message)
Resp = TypeVar("Resp", bound=Message)


class Handles(Protocol):
    """The context handles one caller may use: this association, user and interface.  MS-RPCE 3.3.1.4.1"""

    def open(self, value: object, *, rundown: Callable[[], None] | None = None) -> UUID:
        """Make a handle for `value`; `rundown` runs once if the association dies before `close`."""
        ...

    def find(self, handle: UUID, kind: type[T]) -> T:
        """The value behind a handle, or the fault for a context mismatch."""
        ...

    def close(self, handle: UUID) -> None:
        """Forget a handle without its rundown."""
        ...


class Call(Protocol):
    """What an operation may know of the call it serves."""

    @property
    def cancelled(self) -> bool:
        """Whether the caller gave up waiting."""
        ...

    @property
    def object_uuid(self) -> UUID | None:
        """The object the call names; None is the nil object."""
        ...

    @property
    def association(self) -> Handles:
        """The context handles that this caller may use."""
        ...

    @property
    def peer(self) -> str:
        """Where the call came from, for people to read."""
        ...

    @property
    def user(self) -> str | None:
        """Who the caller proved to be; None is nobody."""
        ...

    @property
    def level(self) -> AuthLevel:
        """How well the call is protected."""
        ...


class Operation(Generic[Req, Resp]):
    """One numbered operation of an interface: its name and its wire types."""

    is_async = False

    def __init__(
        self, opnum: int, method: Callable[..., Any], request: type[Req], response: type[Resp]
    ) -> None:
        self.opnum, self.request, self.response = opnum, request, response
        self.method = method
        self.name = method.__name__
        self.__doc__ = method.__doc__
        self.__isabstractmethod__ = getattr(method, "__isabstractmethod__", False)
        self._interface: Interface | None = None

    @property
    def interface(self) -> Interface:
        """The interface that declared it."""
        if self._interface is None:
            raise TypeError(f"{self.name} belongs to no class decorated with @interface")
        return self._interface

    def declared_by(self, interface: Interface) -> None:
        """Tell the operation where it belongs; once, while the class is decorated."""
        self._interface = interface

    def invoke(self, implementation: object, call: Call, request: Req) -> Resp | Awaitable[Resp]:
        """Run it on an object of the interface's class, or of one that overrides the method."""
        return cast("Resp | Awaitable[Resp]", getattr(implementation, self.name)(call, request))

    def __repr__(self) -> str:
        owner = self._interface.name if self._interface else "?"
        return f"<operation {self.opnum} {owner}.{self.name}>"


class PlainOperation(Operation[Req, Resp]):
    """An operation whose method answers at once."""

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: type) -> Callable[[Call, Req], Resp]: ...
    def __get__(self, instance: object | None, owner: type) -> Self | Callable[[Call, Req], Resp]:
        return self if instance is None else self.method.__get__(instance, owner)


class AsyncOperation(Operation[Req, Resp]):
    """An operation whose method may wait before it answers."""

    is_async = True

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: type) -> Callable[[Call, Req], Awaitable[Resp]]: ...
    def __get__(self, instance: object | None, owner: type) -> Self | Callable[[Call, Req], Awaitable[Resp]]:
        return self if instance is None else self.method.__get__(instance, owner)


@dataclass(frozen=True, eq=False)
class Interface:
    """What is known of an interface without an implementation.  C706 6.1"""

    name: str
    syntax: SyntaxId
    operations: Mapping[int, Operation[Any, Any]]
    minimum_level: AuthLevel = AuthLevel.NONE
    allow_connect: bool = False

    def serves(self, wanted: SyntaxId) -> bool:
        """Whether a client's syntax is met: same UUID and major, our minor at least its.  C706 6.1.2"""
        ours = self.syntax
        return (ours.uuid, ours.version_major) == (wanted.uuid, wanted.version_major) and (
            ours.version_minor >= wanted.version_minor
        )


class _Numbered:
    """`@operation(n)` before it met its method."""

    def __init__(self, opnum: int) -> None:
        self._opnum = opnum

    @overload
    def __call__(
        self, method: Callable[[Any, Call, Req], Coroutine[Any, Any, Resp]]
    ) -> AsyncOperation[Req, Resp]: ...
    @overload
    def __call__(self, method: Callable[[Any, Call, Req], Resp]) -> PlainOperation[Req, Resp]: ...
    def __call__(self, method: Callable[..., Any]) -> Operation[Any, Any]:
        kind = AsyncOperation if inspect.iscoroutinefunction(method) else PlainOperation
        request, response = _wire_types(method)
        return kind(self._opnum, method, request, response)


def operation(opnum: int) -> _Numbered:
    """Declare a method `(self, call, request) -> response` as operation `opnum` of its interface."""
    if not 0 <= opnum <= 0xFFFF:
        raise TypeError(f"an operation number is 0 to 65535, not {opnum}")
    return _Numbered(opnum)


def interface(
    uuid: str,
    *,
    version: tuple[int, int] = (1, 0),
    minimum_level: AuthLevel = AuthLevel.NONE,
    allow_connect: bool = False,
) -> Callable[[type[T]], type[T]]:
    """Declare a class as an RPC interface.

    Calls below `minimum_level` are refused. A caller who only proved its name (level CONNECT) is refused
    unless `allow_connect`, since anyone on the way could speak for it.
    """
    if not all(0 <= number <= 0xFFFF for number in version):
        raise TypeError(f"an interface version is two numbers from 0 to 65535, not {version}")
    syntax = SyntaxId(UUID(uuid), *version)

    def declare(cls: type[T]) -> type[T]:
        found = _operations(cls)
        metadata = Interface(cls.__name__, syntax, MappingProxyType(found), minimum_level, allow_connect)
        for declared in found.values():
            declared.declared_by(metadata)
        setattr(cls, _METADATA, metadata)
        return cls

    return declare


_METADATA = "__rpc_interface__"


def interface_of(implementation: object) -> Interface:
    """The interface that an object or a class offers."""
    cls = implementation if isinstance(implementation, type) else type(implementation)
    metadata = getattr(cls, _METADATA, None)
    if not isinstance(metadata, Interface):
        raise TypeError(f"{cls.__name__} is no RPC interface: its class lacks @interface")
    return metadata


def _operations(cls: type) -> dict[int, Operation[Any, Any]]:
    """The operations in a class body by number; two of one number are a mistake."""
    found: dict[int, Operation[Any, Any]] = {}
    for member in vars(cls).values():
        if not isinstance(member, Operation):
            continue
        if (twin := found.get(member.opnum)) is not None:
            raise TypeError(
                f"{cls.__name__}: {twin.name} and {member.name} are both operation {member.opnum}"
            )
        found[member.opnum] = member
    if not found:
        raise TypeError(f"{cls.__name__} declares no @operation")
    return dict(sorted(found.items()))


def _wire_types(method: Callable[..., Any]) -> tuple[type[Any], type[Any]]:
    """The request and response types that a method's annotations name."""
    name = getattr(method, "__qualname__", repr(method))
    parameters = list(inspect.signature(method).parameters.values())
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    if len(parameters) != 3 or any(parameter.kind not in positional for parameter in parameters):
        raise TypeError(f"{name}: an operation takes exactly (self, call, request)")
    return (
        _message_type(method, parameters[2].name, f"the request of {name}"),
        _message_type(method, "return", f"the response of {name}"),
    )


def _message_type(method: Callable[..., Any], key: str, what: str) -> type[Any]:
    """One annotation, resolved by itself: the others may be for type checkers only."""
    hints = getattr(method, "__annotations__", {})
    if key not in hints:
        raise TypeError(f"{what} has no type annotation")
    holder = SimpleNamespace(__annotations__={key: hints[key]})
    try:
        hint = get_type_hints(holder, globalns=getattr(method, "__globals__", {}))[key]
    except NameError as error:
        raise TypeError(f"{what}: {error}; its type must be importable where it is declared") from error
    if not isinstance(hint, type) or not all(
        callable(getattr(hint, codec, None)) for codec in ("encode", "decode")
    ):
        raise TypeError(f"{what} must be one type with encode and decode, not {hint!r}")
    return hint

"""Declaring interfaces: what a declaration knows, how it runs, and which mistakes it refuses."""

import asyncio
import struct
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, TypeVar, assert_type, cast
from uuid import UUID

import pytest

from rpch.dcerpc.interface import (
    AsyncOperation,
    Call,
    Interface,
    Message,
    Operation,
    PlainOperation,
    interface,
    interface_of,
    operation,
)
from rpch.dcerpc.pdus import AuthLevel, SyntaxId

if TYPE_CHECKING:
    from somewhere_not_installed import Unresolvable  # type: ignore[import-not-found]

UUID_TEXT = "1544f5e0-613c-11d1-93df-00c04fd7bd09"
NO_CALL = cast("Call", None)


@dataclass(frozen=True)
class Number:
    """A message of one number."""

    value: int

    def encode(self, *, little_endian: bool = True) -> bytes:
        return struct.pack("<I" if little_endian else ">I", self.value)

    @classmethod
    def decode(cls, stub: bytes, *, little_endian: bool = True) -> Self:
        return cls(*struct.unpack("<I" if little_endian else ">I", stub))


class Sum(Number):
    """Another message."""


@interface(UUID_TEXT, version=(3, 1), minimum_level=AuthLevel.PKT_PRIVACY)
class Adder:
    """Adds."""

    def __init__(self, start: int) -> None:
        self.start = start

    @operation(7)
    async def add_slowly(self, call: Call, request: Number) -> Sum:
        await asyncio.sleep(0)
        return Sum(self.start + request.value)

    @operation(0)
    def add(self, call: Call, request: Number) -> Sum:
        """Adds at once."""
        return Sum(self.start + request.value)


Req = TypeVar("Req", bound=Message)
Resp = TypeVar("Resp", bound=Message)


def call_like_a_client(operation: Operation[Req, Resp], request: Req) -> Resp:
    """What a client does with an operation, without a server between."""
    answer = operation.method(Adder(10), NO_CALL, operation.request.decode(request.encode()))
    return operation.response.decode(answer.encode())


def test_on_the_class_an_operation_is_typed_by_its_messages() -> None:
    assert_type(Adder.add, PlainOperation[Number, Sum])
    assert_type(Adder.add_slowly, AsyncOperation[Number, Sum])
    total = call_like_a_client(Adder.add, Number(5))
    assert_type(total, Sum)
    assert total == Sum(15)


async def test_on_an_instance_an_operation_is_its_method() -> None:
    adder = Adder(1)
    assert_type(adder.add, Callable[[Call, Number], Sum])
    assert_type(adder.add_slowly, Callable[[Call, Number], Awaitable[Sum]])
    assert adder.add(NO_CALL, Number(2)) == Sum(3)
    assert await adder.add_slowly(NO_CALL, Number(3)) == Sum(4)


def test_an_operation_knows_its_declaration() -> None:
    add = Adder.add
    assert (add.opnum, add.name, add.request, add.response) == (0, "add", Number, Sum)
    assert add.__doc__ == "Adds at once."
    assert not add.is_async
    assert Adder.add_slowly.is_async
    assert add.interface is interface_of(Adder)
    assert repr(add) == "<operation 0 Adder.add>"


def test_an_interface_lists_its_operations_by_number() -> None:
    declared = interface_of(Adder)
    assert declared.name == "Adder"
    assert declared.syntax == SyntaxId(UUID(UUID_TEXT), 3, 1)
    assert declared.minimum_level is AuthLevel.PKT_PRIVACY
    assert not declared.allow_connect
    assert list(declared.operations.items()) == [(0, Adder.add), (7, Adder.add_slowly)]


def test_the_interface_of_an_object_is_that_of_its_class() -> None:
    class Louder(Adder):
        pass

    assert interface_of(Adder(1)) is interface_of(Louder) is interface_of(Adder)
    with pytest.raises(TypeError, match="int is no RPC interface"):
        interface_of(5)


async def test_invoke_runs_the_method_of_the_object() -> None:
    class Doubling(Adder):
        def add(self, call: Call, request: Number) -> Sum:
            return Sum(2 * request.value)

    assert Adder.add.invoke(Adder(1), NO_CALL, Number(4)) == Sum(5)
    assert Adder.add.invoke(Doubling(1), NO_CALL, Number(4)) == Sum(8)
    slow = Adder.add_slowly.invoke(Adder(1), NO_CALL, Number(4))
    assert await cast("Awaitable[Sum]", slow) == Sum(5)


def test_a_declaration_may_be_abstract() -> None:
    @interface(UUID_TEXT)
    class Declared(ABC):
        @operation(3)
        @abstractmethod
        def double(self, call: Call, request: Number) -> Sum:
            """Twice as much."""

    class Offered(Declared):
        def double(self, call: Call, request: Number) -> Sum:
            return Sum(2 * request.value)

    with pytest.raises(TypeError, match="abstract"):
        Declared()  # type: ignore[abstract]
    assert Declared.double.opnum == 3
    assert interface_of(Offered()).operations[3].invoke(Offered(), NO_CALL, Number(4)) == Sum(8)


@pytest.mark.parametrize(
    ("uuid", "version", "served"),
    [
        (UUID_TEXT, (3, 1), True),
        (UUID_TEXT, (3, 0), True),
        (UUID_TEXT, (3, 2), False),
        (UUID_TEXT, (2, 1), False),
        ("00000000-613c-11d1-93df-00c04fd7bd09", (3, 1), False),
    ],
)
def test_a_server_serves_older_minor_versions(uuid: str, version: tuple[int, int], served: bool) -> None:
    assert interface_of(Adder).serves(SyntaxId(UUID(uuid), *version)) is served


def test_annotations_may_be_text_and_others_unresolvable() -> None:
    def method(self: object, call: "Unresolvable", request: "Number") -> "Sum":
        raise AssertionError

    declared = cast("Any", operation(4))(method)
    assert (declared.request, declared.response) == (Number, Sum)


def declare(method: Callable[..., Any]) -> object:
    """Declare a method that the type checker would refuse as well."""
    return cast("Any", operation(1))(method)


def too_few(self: object, request: Number) -> Sum:
    raise AssertionError


def too_many(self: object, call: Call, request: Number, more: int) -> Sum:
    raise AssertionError


def keyword(self: object, call: Call, *, request: Number) -> Sum:
    raise AssertionError


def no_request(self: object, call: Call, request) -> Sum:  # type: ignore[no-untyped-def]
    raise AssertionError


def no_response(self: object, call: Call, request: Number):  # type: ignore[no-untyped-def]
    raise AssertionError


def wrong_request(self: object, call: Call, request: int) -> Sum:
    raise AssertionError


def wrong_response(self: object, call: Call, request: Number) -> None:
    raise AssertionError


def two_types(self: object, call: Call, request: Number | Sum) -> Sum:
    raise AssertionError


def unknown(self: object, call: Call, request: "Unresolvable") -> Sum:
    raise AssertionError


@pytest.mark.parametrize(
    ("method", "sentence"),
    [
        (too_few, "too_few: an operation takes exactly"),
        (too_many, "takes exactly"),
        (keyword, "takes exactly"),
        (no_request, "the request of no_request has no type annotation"),
        (no_response, "the response of no_response has no type annotation"),
        (wrong_request, "must be one type with encode and decode, not <class 'int'>"),
        (wrong_response, "the response of wrong_response must be one type"),
        (two_types, "the request of two_types must be one type"),
        (unknown, "'Unresolvable' is not defined; its type must be importable"),
    ],
)
def test_wrong_annotations_are_refused_where_they_are_declared(
    method: Callable[..., Any], sentence: str
) -> None:
    with pytest.raises(TypeError, match=sentence):
        declare(method)


@pytest.mark.parametrize("opnum", [-1, 65536])
def test_operation_numbers_have_16_bits(opnum: int) -> None:
    with pytest.raises(TypeError, match="0 to 65535"):
        operation(opnum)


def test_two_operations_of_one_number_are_refused() -> None:
    class Twice:
        @operation(3)
        def first(self, call: Call, request: Number) -> Sum:
            raise AssertionError

        @operation(3)
        def second(self, call: Call, request: Number) -> Sum:
            raise AssertionError

    with pytest.raises(TypeError, match="Twice: first and second are both operation 3"):
        interface(UUID_TEXT)(Twice)


def test_a_class_without_operations_is_refused() -> None:
    with pytest.raises(TypeError, match="declares no @operation"):
        interface(UUID_TEXT)(int)


@pytest.mark.parametrize("version", [(-1, 0), (0, 65536)])
def test_versions_have_16_bits(version: tuple[int, int]) -> None:
    with pytest.raises(TypeError, match="two numbers from 0 to 65535"):
        interface(UUID_TEXT, version=version)


def test_an_operation_outside_an_interface_says_so() -> None:
    class Loose:
        @operation(0)
        def nothing(self, call: Call, request: Number) -> Sum:
            raise AssertionError

    assert repr(Loose.nothing) == "<operation 0 ?.nothing>"
    with pytest.raises(TypeError, match="nothing belongs to no class"):
        _ = Loose.nothing.interface


def test_interfaces_are_compared_by_identity() -> None:
    twin = Interface("Adder", interface_of(Adder).syntax, {})
    assert twin != interface_of(Adder)

"""Reference, unique and full pointers: ids, order of referents, aliases."""

from collections.abc import Callable
from typing import Annotated

import pytest

from rpch.errors import LocalProtocolError
from rpch.ndr.arrays import Array
from rpch.ndr.constructs import Message, Struct, length_of
from rpch.ndr.faults import StubError
from rpch.ndr.pointers import full, ref, unique
from rpch.ndr.scalars import Byte, ULong, UShort
from rpch.ndr.strings import AString

Check = Callable[[Message, str], None]


class TopLevel(Message):
    reference: Annotated[int, ref(ULong)]
    single: Annotated[int | None, unique(ULong)]
    double: Annotated[str | None, unique(unique(AString))]


class Inner(Struct):
    value: Annotated[int, ref(UShort)]


class Outer(Struct):
    lead: UShort
    inner: Inner
    double: Annotated[int | None, unique(unique(ULong))]
    last: UShort


class Embedded(Message):
    outer: Outer
    after: UShort


class Node(Struct):
    number: ULong
    left: Annotated["Node | None", unique("Node")]
    right: Annotated["Node | None", unique(lambda: Node)]


class Tree(Message):
    root: Node


class OptionalTree(Message):
    root: Annotated[Node | None, unique("Node")]


class Astray(Struct):
    next: Annotated[object, unique("Nowhere")]


class AstrayMessage(Message):
    astray: Astray


class NoStructure(Message):
    pointer: Annotated[object, unique(lambda: ULong)]


class Sized(Struct):
    count: ULong = length_of("octets")
    octets: Annotated[bytes | None, full(Array(Byte, size_is="count"))]


class Sizes(Message):
    count: ULong
    embedded: Sized
    top: Annotated[bytes | None, full(Array(Byte, size_is="count"))]


class Ring(Struct):
    number: ULong
    next: Annotated["Ring | None", full("Ring", aliases=True)]


class Rings(Message):
    first: Annotated[Ring | None, full(Ring, aliases=True)]
    second: Annotated[Ring | None, full(Ring, aliases=True)]


class Chain(Struct):
    left: Annotated["Chain | None", full("Chain")]
    right: Annotated["Chain | None", full("Chain")]


class Chains(Message):
    first: Annotated[Chain | None, full(Chain)]


class Pair(Struct):
    number: Annotated[int | None, full(ULong)]
    short: Annotated[int | None, full(UShort)]


class Pairs(Message):
    pair: Pair
    second: Annotated[int | None, full(ULong)]


Numbers = Annotated[tuple[int | None, ...], Array(full(ULong))]


class Lists(Struct):
    one: Annotated[tuple[int | None, ...] | None, full(Numbers)]
    two: Annotated[tuple[int | None, ...] | None, full(Numbers)]


class TwoLists(Message):
    lists: Lists


class SelfHolder(Struct):
    items: Annotated[tuple["SelfHolder | None", ...] | None, full(Array(unique("SelfHolder")), aliases=True)]


def test_a_parameter_is_followed_by_its_referent(check_stub: Check) -> None:
    check_stub(
        TopLevel(1, 2, "x"),
        "01000000 00000200 02000000 04000200 08000200 02000000 00000000 02000000 7800",
    )
    check_stub(TopLevel(1, None, None), "01000000 00000000 00000000")


def test_an_embedded_pointer_leaves_its_referent_behind_the_outermost_construct(check_stub: Check) -> None:
    check_stub(
        Embedded(Outer(1, Inner(2), 3, 4), 5),
        "0100 0000 00000200 04000200 0400 0200 08000200 03000000 0500",
        # lead, gap, Inner.value, double, last; then 2, the second level's id and its referent
    )


def test_referents_are_worked_off_depth_first_from_the_left(check_stub: Check) -> None:
    root = Node(1, Node(2, Node(3, None, None), None), Node(4, None, None))
    check_stub(
        Tree(root),
        "01000000 00000200 04000200"
        "02000000 08000200 00000000 03000000 00000000 00000000"
        "04000000 00000000 00000000",
    )


def test_a_list_of_ten_thousand_nodes_needs_no_deep_stack() -> None:
    node: Node | None = None
    for number in range(10_000):
        node = Node(number, node, None)
    wire = OptionalTree(node).encode()
    found = OptionalTree.decode(wire).root
    assert OptionalTree(found).encode() == wire
    count = 0
    while found is not None:
        found, count = found.left, count + 1
    assert count == 10_000


def test_a_null_reference_is_refused_both_ways() -> None:
    with pytest.raises(StubError, match="null") as refused:
        Embedded.decode(bytes.fromhex("0100 0000 00000000 00000000 0400 0500"))
    assert refused.value.status == 0x6F4
    nothing: int = None  # type: ignore[assignment]  # what mypy would have refused
    with pytest.raises(LocalProtocolError, match=r"Inner\.value: a reference pointer cannot be null"):
        Embedded(Outer(1, Inner(nothing), 3, 4), 5).encode()


def test_a_name_must_lead_to_a_structure() -> None:
    with pytest.raises(TypeError, match="Nowhere"):
        AstrayMessage(Astray(None)).encode()
    with pytest.raises(TypeError, match="no structure"):
        NoStructure(None).encode()
    with pytest.raises(TypeError, match="no structure"):
        unique("Node").plan("<")  # declared in no construct, so there is nowhere to look


def test_null_means_size_zero_wherever_the_pointer_is(check_stub: Check) -> None:
    check_stub(Sizes(0, Sized(octets=None), None), "00000000 00000000 00000000 00000000")
    check_stub(
        Sizes(1, Sized(octets=b"ab"), b"c"),
        "01000000 02000000 01000000 02000000 6162 0000 02000000 01000000 63",
    )
    with pytest.raises(StubError, match=r"size_is\(count\) is 1, the wire says 0"):
        Sizes.decode(bytes.fromhex("00000000 01000000 00000000 00000000"))
    with pytest.raises(StubError, match=r"size_is\(count\) is 1, the wire says 0"):
        Sizes.decode(bytes.fromhex("01000000 00000000 00000000 00000000"))
    with pytest.raises(LocalProtocolError, match="a null pointer, but"):
        Sizes(1, Sized(octets=None), None).encode()


def test_full_pointers_are_numbered_from_one_and_never_alias_by_themselves(check_stub: Check) -> None:
    check_stub(Pairs(Pair(7, 8), 7), "01000000 02000000 07000000 0800 0000 03000000 07000000")


def test_a_received_alias_names_the_earlier_object() -> None:
    assert Pairs.decode(bytes.fromhex("05000000 00000000 07000000 05000000")) == Pairs(Pair(7, None), 7)


def test_an_alias_of_another_type_is_refused() -> None:
    with pytest.raises(StubError, match="another type"):
        Pairs.decode(bytes.fromhex("05000000 05000000 07000000 00000000"))


def test_ids_need_no_order(check_stub: Check) -> None:
    wire = bytes.fromhex("ffffffff 05000000 07000000 0800 0000 01000000 09000000")
    assert Pairs.decode(wire) == Pairs(Pair(7, 8), 9)


def test_a_circle_travels_and_comes_back_as_one() -> None:
    first = Ring(1, None)
    second = Ring(2, first)
    first.__dict__["next"] = second
    wire = bytes.fromhex("01000000 01000000 02000000 02000000 01000000 02000000")
    assert Rings(first, second).encode() == wire
    found = Rings.decode(wire)
    assert found.first is not None
    assert found.second is not None
    assert found.first.next is found.second
    assert found.second.next is found.first
    assert repr(found.first).startswith("Ring(number=1, next=Ring(number=2, next=Ring(number=1")
    assert repr(found.first).endswith("Ring(...)))))))))")


def test_the_representation_stands_where_referents_reach_the_id_first() -> None:
    # both of the outer ids come before any referent; the left one's own pointer repeats the right one's id
    wire = bytes.fromhex("01000000 02000000 03000000 03000000 00000000 00000000 00000000")
    found = Chains.decode(wire).first
    assert found == Chain(Chain(Chain(None, None), None), Chain(None, None))
    assert found is not None
    assert found.left is not None
    assert found.left.left is found.right


def test_a_circle_is_refused_where_we_could_not_send_one() -> None:
    with pytest.raises(StubError, match="circle"):
        Chains.decode(bytes.fromhex("01000000 01000000 00000000"))
    with pytest.raises(StubError, match="circle"):
        Chains.decode(bytes.fromhex("01000000 02000000 00000000 01000000 00000000"))


def test_aliases_that_unfold_exponentially_are_refused() -> None:
    doubled = b"".join((2 + at).to_bytes(4, "little") * 2 for at in range(40))
    with pytest.raises(StubError, match="unfolds"):
        Chains.decode(b"\1\0\0\0" + doubled + bytes(8))


def test_an_array_of_pointers_may_be_shared_once_it_is_complete() -> None:
    shared = bytes.fromhex("01000000 01000000 02000000 02000000 00000000 09000000")
    found = TwoLists.decode(shared).lists
    assert found == Lists((9, None), (9, None))
    assert found.one is found.two


def test_an_array_that_holds_itself_is_refused() -> None:
    class Holds(Message):
        holder: SelfHolder

    with pytest.raises(StubError, match="circle"):
        # items id 1: one pointer to a holder whose items are id 1 again
        Holds.decode(bytes.fromhex("01000000 01000000 00000200 01000000"))


def test_an_alias_is_sent_once_with_its_referents(check_stub: Check) -> None:
    shared = Ring(1, Ring(2, None))
    check_stub(
        Rings(shared, shared),
        "01000000 01000000 02000000 02000000 00000000 01000000",
    )

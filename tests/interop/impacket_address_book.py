"""The address book's calls that impacket does not have, or declares otherwise than they travel.

Observed, impacket 0.13: `NspiGetProps` declares its position as a pointer, `NspiSeekEntries` its table and
tags as none; GetMatches, ResortRestriction and ModProps are commented out. Here they are as MS-OXNSPI 3.1.4.1
has them, made of impacket's own structures, so that its encoder and its decoder are at work and not ours.
"""

from collections.abc import Iterable
from typing import Any

from impacket.dcerpc.v5 import nspi
from impacket.dcerpc.v5.dtypes import DWORD, LONG, NULL, ULONG
from impacket.dcerpc.v5.ndr import NDRCALL

DCERPCSessionError = nspi.DCERPCSessionError  # impacket looks for it beside the call
Row = dict[int, Any]


class GetProps(NDRCALL):  # type: ignore[misc]  # impacket has no types
    """MS-OXNSPI 3.1.4.1.7"""

    opnum = 9
    structure = (
        ("hRpc", nspi.handle_t),
        ("dwFlags", DWORD),
        ("pStat", nspi.STAT),
        ("pPropTags", nspi.PPropertyTagArray_r),
    )


class GetPropsResponse(NDRCALL):  # type: ignore[misc]
    structure = (("ppRows", nspi.PPropertyRow_r), ("ErrorCode", ULONG))


class SeekEntries(NDRCALL):  # type: ignore[misc]
    """MS-OXNSPI 3.1.4.1.9"""

    opnum = 4
    structure = (
        ("hRpc", nspi.handle_t),
        ("Reserved", DWORD),
        ("pStat", nspi.STAT),
        ("pTarget", nspi.PropertyValue_r),
        ("lpETable", nspi.PPropertyTagArray_r),
        ("pPropTags", nspi.PPropertyTagArray_r),
    )


class SeekEntriesResponse(NDRCALL):  # type: ignore[misc]
    structure = (("pStat", nspi.STAT), ("ppRows", nspi.PPropertyRowSet_r), ("ErrorCode", ULONG))


class GetMatches(NDRCALL):  # type: ignore[misc]
    """MS-OXNSPI 3.1.4.1.10"""

    opnum = 5
    structure = (
        ("hRpc", nspi.handle_t),
        ("Reserved1", DWORD),
        ("pStat", nspi.STAT),
        ("pReserved", nspi.PPropertyTagArray_r),
        ("Reserved2", DWORD),
        ("Filter", nspi.PRestriction_r),
        ("lpPropName", nspi.PPropertyName_r),
        ("ulRequested", DWORD),
        ("pPropTags", nspi.PPropertyTagArray_r),
    )


class GetMatchesResponse(NDRCALL):  # type: ignore[misc]
    structure = (
        ("pStat", nspi.STAT),
        ("ppOutMIds", nspi.PPropertyTagArray_r),
        ("ppRows", nspi.PPropertyRowSet_r),
        ("ErrorCode", ULONG),
    )


class ResortRestriction(NDRCALL):  # type: ignore[misc]
    """MS-OXNSPI 3.1.4.1.11"""

    opnum = 6
    structure = (
        ("hRpc", nspi.handle_t),
        ("Reserved", DWORD),
        ("pStat", nspi.STAT),
        ("pInMIds", nspi.PropertyTagArray_r),
        ("ppOutMIds", nspi.PPropertyTagArray_r),
    )


class ResortRestrictionResponse(NDRCALL):  # type: ignore[misc]
    structure = (("pStat", nspi.STAT), ("ppOutMIds", nspi.PPropertyTagArray_r), ("ErrorCode", ULONG))


class ModProps(NDRCALL):  # type: ignore[misc]
    """MS-OXNSPI 3.1.4.1.14"""

    opnum = 11
    structure = (
        ("hRpc", nspi.handle_t),
        ("Reserved", DWORD),
        ("pStat", nspi.STAT),
        ("pPropTags", nspi.PPropertyTagArray_r),
        ("pRow", nspi.PropertyRow_r),
    )


class ModPropsResponse(NDRCALL):  # type: ignore[misc]
    structure = (("ErrorCode", ULONG),)


class CompareMids(NDRCALL):  # type: ignore[misc]
    """MS-OXNSPI 3.1.4.1.12; impacket has it, but no helper."""

    opnum = 10
    structure = nspi.NspiCompareMIds.structure


class CompareMidsResponse(NDRCALL):  # type: ignore[misc]
    structure = (("plResult", LONG), ("ErrorCode", ULONG))


def stat(**fields: int) -> Any:
    """A position in the code page that every server knows."""
    made = nspi.STAT()
    made["CodePage"] = nspi.CP_TELETEX
    for name, value in fields.items():
        made[name] = value
    return made


def put_tags(holder: Any, name: str, tags: Iterable[int]) -> None:
    """Property tags or ids into a parameter, with the maximum that the interface asks for."""
    numbers = []
    for tag in tags:
        number = DWORD()
        number["Data"] = tag
        numbers.append(number)
    holder[name]["aulPropTag"] = numbers
    holder[name]["cValues"] = len(numbers)
    pointed = holder.fields[name].fields
    array = pointed.get("Data", holder.fields[name])
    array.fields["aulPropTag"].fields["MaximumCount"] = len(numbers) + 1


def put_text(value: Any, tag: int, text: str) -> None:
    """A text into a PropertyValue_r."""
    value["ulPropTag"] = tag
    value["Value"]["tag"] = tag & 0xFFFF
    value["Value"]["lpszW"] = text + "\0"


def get_props(association: Any, handle: Any, mid: int, tags: Iterable[int]) -> tuple[int, Row]:
    """What it came to, and the row."""
    request = GetProps()
    request["hRpc"], request["dwFlags"], request["pStat"] = handle, 0, stat(CurrentRec=mid)
    put_tags(request, "pPropTags", tags)
    answer = association.request(request, checkError=False)
    return answer["ErrorCode"], nspi.simplifyPropertyRow(answer["ppRows"])


def seek(association: Any, handle: Any, name: str, tags: Iterable[int]) -> tuple[Any, list[Row]]:
    """The position, and the rows from there on."""
    request = SeekEntries()
    request["hRpc"], request["pStat"], request["lpETable"] = handle, stat(), NULL
    put_text(request["pTarget"], 0x3001001F, name)
    put_tags(request, "pPropTags", tags)
    answer = association.request(request)
    return answer["pStat"], nspi.simplifyPropertyRowSet(answer["ppRows"])


def matches(
    association: Any, handle: Any, restriction: Any, tags: Iterable[int], position: Any = None
) -> list[Row]:
    """The rows that a restriction, or without one a property, leads to."""
    request = GetMatches()
    request["hRpc"], request["pStat"] = handle, stat() if position is None else position
    request["pReserved"] = request["lpPropName"] = NULL
    if restriction is None:
        request["Filter"] = NULL
    else:
        request["Filter"] = restriction
    request["ulRequested"] = 1000
    put_tags(request, "pPropTags", tags)
    answer = association.request(request)
    rows: list[Row] = nspi.simplifyPropertyRowSet(answer["ppRows"])
    assert answer["ppOutMIds"]["cValues"] == len(rows)
    return rows


def text_restriction(kind: int, level: int, tag: int, text: str) -> Any:
    """CONTENT (3) with a fuzziness, or PROPERTY (4) with a relation."""
    made = nspi.Restriction_r()
    made["rt"] = made["res"]["tag"] = kind
    arm, first = ("resContent", "ulFuzzyLevel") if kind == 3 else ("resProperty", "relop")
    made["res"][arm][first] = level
    made["res"][arm]["ulPropTag"] = tag
    put_text(made["res"][arm]["lpProp"], tag, text)
    return made


def both(*parts: Any) -> Any:
    """AND (0)."""
    made = nspi.Restriction_r()
    made["rt"] = made["res"]["tag"] = 0
    made["res"]["resAnd"]["cRes"] = len(parts)
    made["res"]["resAnd"]["lpRes"] = list(parts)
    return made


def exists(tag: int) -> Any:
    """EXIST (8)."""
    made = nspi.Restriction_r()
    made["rt"] = made["res"]["tag"] = 8
    made["res"]["resExist"]["ulPropTag"] = tag
    return made


def resorted(association: Any, handle: Any, mids: Iterable[int]) -> list[int]:
    """Ids in the order of names."""
    request = ResortRestriction()
    request["hRpc"], request["pStat"], request["ppOutMIds"] = handle, stat(), NULL
    put_tags(request, "pInMIds", mids)
    answer = association.request(request)
    return [each["Data"] for each in answer["ppOutMIds"]["aulPropTag"]]


def compared(association: Any, handle: Any, first: int, second: int) -> int:
    """Which comes first."""
    request = CompareMids()
    request["hRpc"], request["pStat"] = handle, stat()
    request["MId1"], request["MId2"] = first, second
    return int(association.request(request)["plResult"])


def mod_props(association: Any, handle: Any, mid: int, tag: int, text: str) -> int:
    """Give a property of an object a text; what it came to."""
    request = ModProps()
    request["hRpc"], request["pStat"] = handle, stat(CurrentRec=mid)
    put_tags(request, "pPropTags", [tag])
    value = nspi.PropertyValue_r()
    put_text(value, tag, text)
    request["pRow"]["cValues"] = 1
    request["pRow"]["lpProps"] = [value]
    return int(association.request(request, checkError=False)["ErrorCode"])

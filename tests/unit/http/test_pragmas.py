"""The directives in Pragma."""

from __future__ import annotations

from uuid import UUID

import pytest

from rpch.errors import LocalProtocolError
from rpch.http.pragmas import Pragmas, read_pragmas

TS_PROXY = UUID("44e265dd-7daf-42cd-8560-3cdb6e7a2729")  # seen from RD Gateway clients
SESSION = UUID("00112233-4455-6677-8899-aabbccddeeff")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], Pragmas()),
        (["No-cache"], Pragmas()),
        (["No-cache", "MinConnTimeout=900"], Pragmas(900)),
        (["no-cache, MINCONNTIMEOUT = 900"], Pragmas(900)),
        # FreeRDP: its own directives and no No-cache.
        ([f"ResourceTypeUuid={TS_PROXY}"], Pragmas(None, TS_PROXY)),
        ([f"ResourceTypeUuid={TS_PROXY}, SessionId={SESSION}"], Pragmas(None, TS_PROXY, SESSION)),
        ([f"resourcetypeuuid={{{TS_PROXY}}}".upper()], Pragmas(None, TS_PROXY)),
        ([f'SessionId="{SESSION}"'], Pragmas(None, None, SESSION)),
        (["MinConnTimeout=130, MinConnTimeout=900"], Pragmas(130)),
        (["Other=1, ,=,=2"], Pragmas()),
    ],
)
@pytest.mark.conformance(10)
def test_directives_come_in_several_forms(values: list[str], expected: Pragmas) -> None:
    assert read_pragmas(values) == expected


@pytest.mark.parametrize(
    "value",
    [
        "MinConnTimeout",
        "MinConnTimeout=",
        "MinConnTimeout=-900",
        "MinConnTimeout=900s",
        "MinConnTimeout=" + "9" * 5000,
        "MinConnTimeout=٩٠٠",
        "ResourceTypeUuid=44e265dd",
        "ResourceTypeUuid={44e265dd-7daf-42cd-8560-3cdb6e7a2729",
        "SessionId=urn:uuid:44e265dd-7daf-42cd-8560-3cdb6e7a2729",
        "SessionId=44e265dd7daf42cd85603cdb6e7a2729",
    ],
)
def test_what_makes_no_sense_counts_as_absent(value: str) -> None:
    assert read_pragmas([value]) == Pragmas()


@pytest.mark.parametrize(
    ("asked", "given"), [(0, 120), (119, 120), (120, 120), (14_400, 14_400), (999_999, 14_400)]
)
def test_a_timeout_is_moved_into_its_range(asked: int, given: int) -> None:
    assert read_pragmas([f"MinConnTimeout={asked}"]).min_connection_timeout == given


def test_only_what_is_given_is_sent() -> None:
    assert Pragmas().encode() == []
    pragmas = Pragmas(900, TS_PROXY, SESSION)
    assert pragmas.encode() == [
        "MinConnTimeout=900",
        "ResourceTypeUuid=44e265dd-7daf-42cd-8560-3cdb6e7a2729",
        "SessionId=00112233-4455-6677-8899-aabbccddeeff",
    ]
    assert read_pragmas(pragmas.encode()) == pragmas


@pytest.mark.parametrize("seconds", [119, 14_401])
def test_a_timeout_outside_its_range_is_never_sent(seconds: int) -> None:
    with pytest.raises(LocalProtocolError):
        Pragmas(seconds).encode()

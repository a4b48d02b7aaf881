"""Lists of targets: whatever is written is read back, and nothing unlisted gets through."""

from __future__ import annotations

from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from rpch.errors import ConfigError
from rpch.proxy.routes import RouteTable
from rpch.proxy.valid_ports import Entry, Match, ValidPorts

names = st.from_regex(r"[a-z0-9][a-z0-9.-]{0,12}", fullmatch=True)
ports = st.integers(1, 65535)
exact = st.builds(lambda host, a, b: Entry(host, min(a, b), max(a, b)), names, ports, ports)
prefixes = st.builds(lambda host, port: Entry(host, port, port, Match.PREFIX), names, ports)


@given(st.lists(exact | prefixes, max_size=6))
@settings(max_examples=60, deadline=None)
def test_a_list_is_read_back_as_it_was_printed(entries: list[Entry]) -> None:
    assert list(ValidPorts.parse(str(ValidPorts(entries)), wildcards=True)) == entries


@given(st.lists(exact, max_size=4), names, ports)
@settings(max_examples=100, deadline=None)
def test_a_target_is_allowed_exactly_when_an_entry_holds_it(
    entries: list[Entry], host: str, port: int
) -> None:
    expected = any(entry.host == host and entry.low <= port <= entry.high for entry in entries)
    assert (ValidPorts(entries).allows(host.upper(), port) is not None) is expected


@given(st.text(st.sampled_from("aB1.*-@[]:;= \u00eb"), max_size=24))
@settings(max_examples=200, deadline=None)
def test_any_text_is_read_or_explained(text: str) -> None:
    with suppress(ConfigError):
        ValidPorts.parse(text, wildcards=True)
    with suppress(ConfigError):
        RouteTable.parse([text])

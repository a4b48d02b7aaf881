"""Samba's tests of raw RPC against our server: what passes, and that it goes on passing."""

from pathlib import Path

import pytest

from tests.interop.kdc import Kdc
from tests.interop.raw_protocol import (
    LONGEST,
    PAGE,
    PROMISED,
    Case,
    Figures,
    page,
    reason_for,
    run_suite,
    samba_version,
)
from tests.interop.rpc_server import RpcServerProgram, rpc_server

pytestmark = pytest.mark.timeout(2 * LONGEST)


@pytest.fixture(scope="module")
def cases(
    rpc_server_program: RpcServerProgram, kdc: Kdc, tmp_path_factory: pytest.TempPathFactory
) -> list[Case]:
    """One run of the whole suite."""
    return run_suite(rpc_server_program, kdc, tmp_path_factory.mktemp("raw"))


@pytest.fixture(scope="module")
def cases_without_kdc(tmp_path_factory: pytest.TempPathFactory) -> list[Case]:
    """Another run, where nobody knows Kerberos."""
    folder = tmp_path_factory.mktemp("raw-without-kdc")
    with rpc_server(folder) as server:
        return run_suite(server, None, folder)


def test_every_case_that_does_not_pass_has_its_reason(cases: list[Case]) -> None:
    unexplained = [case for case in cases if not case.passes and reason_for(case) is None]
    assert unexplained == []


def test_as_many_cases_pass_as_are_promised(cases: list[Case], cases_without_kdc: list[Case]) -> None:
    found = Figures.of(cases, cases_without_kdc)
    assert found.plain >= PROMISED.plain
    assert found.with_netlogon >= PROMISED.with_netlogon
    assert found.with_kerberos >= PROMISED.with_kerberos


def test_the_page_says_what_every_case_does(cases: list[Case], cases_without_kdc: list[Case]) -> None:
    version = samba_version()
    written = Path(PAGE).read_text("utf-8")
    if f"Samba {version}," not in written:
        pytest.skip(f"the page is about another version than Samba {version}")
    assert written == page(version, cases, cases_without_kdc), (
        "write it anew: python -m tests.interop.raw_protocol"
    )


def test_the_server_served_on_and_broke_nothing(
    cases: list[Case], rpc_server_program: RpcServerProgram
) -> None:
    assert cases
    assert rpc_server_program.program.status is None
    broken = [line for line in rpc_server_program.log() if line["level"] in ("error", "critical")]
    assert broken == []

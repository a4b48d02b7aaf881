"""Runs Samba's own tests of raw RPC against a server, under Debian's own Python, where `python3-samba` is.

Two arguments say which part of the cases to run: part, and how many parts there are; a third one, "ntlm",
leaves Kerberos out, as where there is no key distribution centre, without looking for one each time.

One line of JSON goes out for each case: its name, "passes", "fails" or "skips", which interfaces it asked the
mapper for, and the last line of what it complained about. The cases read where to connect, and as whom, from
the environment.
"""

import json
import sys
import unittest
from collections.abc import Iterator
from typing import Any

from samba.credentials import DONT_USE_KERBEROS
from samba.tests.dcerpc import raw_protocol, raw_testcase

ASKED: list[str] = []


def note_what_is_mapped() -> None:
    """Keeps the interfaces that cases ask the endpoint mapper for."""
    reconnect = raw_testcase.RawDCERPCTest.epmap_reconnect

    def noting(case: Any, abstract: Any, *args: Any, **options: Any) -> Any:
        ASKED.append(str(abstract.uuid))
        return reconnect(case, abstract, *args, **options)

    raw_testcase.RawDCERPCTest.epmap_reconnect = noting


def leave_kerberos_out() -> None:
    """Has every user prove himself by NTLM, bare or within SPNEGO."""
    credentials = raw_testcase.RawDCERPCTest.get_user_creds

    def of_ntlm(case: Any) -> Any:
        made = credentials(case)
        made.set_kerberos_state(DONT_USE_KERBEROS)
        return made

    raw_testcase.RawDCERPCTest.get_user_creds = of_ntlm


def cases(suite: unittest.TestSuite) -> Iterator[unittest.TestCase]:
    """Every case of a suite, however deep."""
    for one in suite:
        if isinstance(one, unittest.TestSuite):
            yield from cases(one)
        else:
            yield one


def outcome(case: unittest.TestCase) -> dict[str, Any]:
    """What one case came to."""
    ASKED.clear()
    result = unittest.TestResult()
    case.run(result)
    troubles = [text for _, text in [*result.failures, *result.errors, *result.skipped]]
    passes = "skips" if result.skipped else "passes" if result.wasSuccessful() else "fails"
    complaint = troubles[0].strip().splitlines()[-1] if troubles else ""
    name = case.id().rpartition(".")[2]
    return {"name": name, "outcome": passes, "asked": sorted(set(ASKED)), "complaint": complaint}


def main() -> None:
    """Runs one part of the cases."""
    part, parts = int(sys.argv[1]), int(sys.argv[2])
    note_what_is_mapped()
    if sys.argv[3:] == ["ntlm"]:
        leave_kerberos_out()
    found = list(cases(unittest.defaultTestLoader.loadTestsFromModule(raw_protocol)))
    for case in found[part::parts]:
        print(json.dumps(outcome(case)), flush=True)


if __name__ == "__main__":
    main()

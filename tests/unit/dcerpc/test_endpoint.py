from __future__ import annotations

from rpch.dcerpc.endpoint import Limits
from rpch.testing.raw_rpc import endpoint


def test_limits_have_the_values_of_the_specification() -> None:
    limits = Limits()
    assert (limits.fragment, limits.request, limits.security_contexts) == (5840, 4 * 1024 * 1024, 2049)
    assert not limits.legacy_bind


def test_endpoints_offer_no_security_and_the_usual_limits() -> None:
    where = endpoint()
    assert where.security is None
    assert where.limits == Limits()

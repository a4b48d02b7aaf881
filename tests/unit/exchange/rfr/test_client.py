"""Asking for one's server."""

import pytest

from rpch.directory.database import Database
from rpch.errors import RpcFault
from rpch.exchange.rfr.client import address_book_server, mailbox_server
from rpch.exchange.rfr.interface import GetNewDsaRequest, GetNewDsaResponse, Referral
from rpch.exchange.rfr.service import NOT_FOUND, ReferralService
from tests.address_books import NAMES
from tests.calls import Calling


async def test_servers_have_names(database: Database) -> None:
    caller = Calling(ReferralService(database, NAMES))
    assert await address_book_server(caller) == NAMES.host
    assert await address_book_server(caller, "/o=nobody") == NAMES.host
    assert await mailbox_server(caller, NAMES.server_dn(NAMES.host)) == NAMES.host


async def test_unknown_servers_are_faults(database: Database) -> None:
    with pytest.raises(RpcFault) as fault:
        await mailbox_server(Calling(ReferralService(database, NAMES)), "/o=x/cn=unknown")
    assert fault.value.status == NOT_FOUND


async def test_a_server_that_names_none_is_a_fault() -> None:
    class Silent:
        async def call(self, operation: object, request: GetNewDsaRequest) -> GetNewDsaResponse:
            assert operation is Referral.get_new_dsa
            return GetNewDsaResponse(None, None, 0)

    with pytest.raises(RpcFault):
        await address_book_server(Silent())  # type: ignore[arg-type]

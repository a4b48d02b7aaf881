"""How much a connection may ask of an RPC server of ours: the table `rpc-limits` of the settings."""

from typing import Annotated

import msgspec

from rpch.dcerpc.endpoint import Limits
from rpch.dcerpc.fragments import EMPTY_FRAGMENTS, REQUEST_LIMIT
from rpch.dcerpc.pdus_bind import LARGEST_FRAGMENT
from rpch.dcerpc.presentation import CONTEXT_LIMIT
from rpch.dcerpc.security_contexts import SECURITY_CONTEXT_LIMIT
from rpch.proxy.limits import counted


class RpcLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """Bounds of one RPC connection. Sizes in bytes."""

    # MS-RPCE 3.3.3.5.4: every implementation takes fragments of 1432 bytes, and none larger than 5840.
    fragment: Annotated[int, counted("The largest fragment.", least=1432, most=LARGEST_FRAGMENT)] = (
        LARGEST_FRAGMENT
    )
    request: Annotated[int, counted("The largest request, all its fragments together.")] = REQUEST_LIMIT
    empty_fragments: Annotated[int, counted("Fragments of a request that bring nothing.")] = EMPTY_FRAGMENTS
    contexts: Annotated[int, counted("Interfaces that are agreed on.", most=65_536)] = CONTEXT_LIMIT
    security_contexts: Annotated[int, counted("Security contexts.", most=65_536)] = SECURITY_CONTEXT_LIMIT
    calls: Annotated[int, counted("Calls that run at the same time.")] = 256
    running_stubs: Annotated[int, counted("Bytes of all requests that run at the same time.")] = (
        16 * 1024 * 1024
    )

    def limits(self) -> Limits:
        """The limits, as the server takes them."""
        return Limits(**{name: getattr(self, name) for name in self.__struct_fields__})

"""The table `rpc-limits` becomes the limits of our RPC server, and its defaults are that server's."""

from dataclasses import replace

from rpch.dcerpc.endpoint import Limits
from rpch.proxy.rpc_limits import RpcLimits


def test_the_defaults_are_those_of_the_server() -> None:
    assert RpcLimits().limits() == Limits()


def test_what_is_set_holds() -> None:
    assert RpcLimits(request=70_000, calls=3).limits() == replace(Limits(), request=70_000, calls=3)

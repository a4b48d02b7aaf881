"""What a refused channel reads: the RPC error of the protocol, and the rule that refused it."""

from __future__ import annotations

from rpch.http.answers import RULE_FIELD
from rpch.http.rpc_error import RpcError


def refusal_of(error: RpcError, rule: str) -> bytes:
    """`503 RPC Error: …` with its rule in a header field, and its length so that nobody waits.

    MS-RPCH 2.1.2.1.3
    """
    body = error.encode().partition(b"\r\n\r\n")[2]
    fields = [(RULE_FIELD, rule), ("Content-Length", str(len(body))), ("Connection", "close")]
    return error.encode(fields=fields)

"""HTTP messages of the RPC proxy protocol: heads, targets, channels, answers and errors.  MS-RPCH 2.1"""

from rpch.http.answers import (
    CONTINUE,
    ECHO_PDU,
    Framing,
    challenge_answer,
    connect_head,
    echo_answer,
    framing_for,
    refusal_answer,
    success_head,
)
from rpch.http.authenticate import Challenge, Credentials, read_challenges, read_credentials
from rpch.http.channels import ChannelKind, ChannelRequest, RpcMethod, is_rpc_method, read_channel_request
from rpch.http.chunks import LAST_CHUNK, ChunkDecoder, encode_chunk
from rpch.http.eeinfo import ErrorParameter, ErrorRecord, ParameterKind, decode_eeinfo, encode_eeinfo
from rpch.http.heads import (
    HeadLimits,
    RequestHead,
    ResponseHead,
    encode_request_head,
    encode_response_head,
    read_request_head,
    read_response_head,
)
from rpch.http.outcomes import (
    Accepted,
    BodyExtent,
    Challenged,
    Failed,
    Interim,
    Outcome,
    body_extent,
    read_outcome,
    stream_turned_http,
)
from rpch.http.pragmas import Pragmas, read_pragmas
from rpch.http.refusals import HttpRefused, Rule, refused_by
from rpch.http.requests import ECHO_BODY, ChannelHeads, Proof, tunnel_head
from rpch.http.rpc_error import RpcError, connect_failed, read_rpc_error
from rpch.http.targets import ProxyPath, RpcTarget, read_server

__all__ = [
    "CONTINUE",
    "ECHO_BODY",
    "ECHO_PDU",
    "LAST_CHUNK",
    "Accepted",
    "BodyExtent",
    "Challenge",
    "Challenged",
    "ChannelHeads",
    "ChannelKind",
    "ChannelRequest",
    "ChunkDecoder",
    "Credentials",
    "ErrorParameter",
    "ErrorRecord",
    "Failed",
    "Framing",
    "HeadLimits",
    "HttpRefused",
    "Interim",
    "Outcome",
    "ParameterKind",
    "Pragmas",
    "Proof",
    "ProxyPath",
    "RequestHead",
    "ResponseHead",
    "RpcError",
    "RpcMethod",
    "RpcTarget",
    "Rule",
    "body_extent",
    "challenge_answer",
    "connect_failed",
    "connect_head",
    "decode_eeinfo",
    "echo_answer",
    "encode_chunk",
    "encode_eeinfo",
    "encode_request_head",
    "encode_response_head",
    "framing_for",
    "is_rpc_method",
    "read_challenges",
    "read_channel_request",
    "read_credentials",
    "read_outcome",
    "read_pragmas",
    "read_request_head",
    "read_response_head",
    "read_rpc_error",
    "read_server",
    "refusal_answer",
    "refused_by",
    "stream_turned_http",
    "success_head",
    "tunnel_head",
]

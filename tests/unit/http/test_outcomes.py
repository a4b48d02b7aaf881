"""What responses mean to a client."""

from __future__ import annotations

import pytest

from rpch.http.answers import (
    CONTINUE,
    challenge_answer,
    connect_head,
    echo_answer,
    refusal_answer,
    success_head,
)
from rpch.http.authenticate import Challenge
from rpch.http.heads import HttpRefused, ResponseHead, read_response_head
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
from rpch.http.rpc_error import RpcError, connect_failed


def outcome(answer: bytes, *, tunnel: bool = False) -> Outcome:
    found = read_response_head(answer)
    assert found is not None
    return read_outcome(found[0], tunnel=tunnel)


def with_fields(status: int, *fields: tuple[str, str], version: str = "1.1") -> ResponseHead:
    return ResponseHead(status, "", version, fields)


def test_a_channel_opens_with_200() -> None:
    opened = outcome(success_head(131_072))
    assert isinstance(opened, Accepted)
    assert opened.body == BodyExtent(length=131_072)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.0 200\r\nContent-Type: text/html\r\n\r\n",
        b"HTTP/1.1 200 Erfolg\r\nContent-Length: many\r\nConnection: close\r\n\r\n",
    ],
)
def test_the_status_alone_decides(answer: bytes) -> None:
    opened = outcome(answer)
    assert isinstance(opened, Accepted)
    assert opened.body.until_close


@pytest.mark.parametrize("status", [201, 204, 299, 301, 400, 403, 404, 500])
def test_every_other_status_is_a_failure(status: int) -> None:
    failed = outcome(f"HTTP/1.1 {status} Whatever\r\nContent-Length: 0\r\n\r\n".encode())
    assert isinstance(failed, Failed)
    error = failed.as_error()
    assert (error.status, error.phrase, error.rpc_status) == (status, "Whatever", None)


def test_continue_is_passed_over() -> None:
    assert outcome(CONTINUE) == Interim(100)
    assert outcome(b"HTTP/1.1 102 Processing\r\nVia: 1.1 firewall\r\n\r\n") == Interim(102)


def test_an_echo_is_answered_with_twenty_bytes() -> None:
    answered = outcome(echo_answer())
    assert isinstance(answered, Accepted)
    assert answered.body == BodyExtent(length=20)
    assert answered.head.keep_alive


def test_a_challenge_carries_its_offers() -> None:
    asked = outcome(challenge_answer(["Negotiate", "NTLM"], reuse=True))
    assert isinstance(asked, Challenged)
    assert asked.challenges == (Challenge("Negotiate"), Challenge("NTLM"))
    assert not asked.by_http_proxy
    assert asked.reusable
    assert asked.body.length


@pytest.mark.parametrize(
    ("fields", "version", "reusable"),
    [
        ([("content-length", "0")], "1.1", True),
        ([("transfer-encoding", "chunked")], "1.1", True),
        ([("content-length", "0"), ("connection", "close")], "1.1", False),
        ([], "1.1", False),
        ([("content-length", "0")], "1.0", False),
        ([("content-length", "0"), ("connection", "Keep-Alive")], "1.0", True),
    ],
)
def test_when_the_connection_carries_the_next_round(
    fields: list[tuple[str, str]], version: str, reusable: bool
) -> None:
    asked = read_outcome(with_fields(401, *fields, version=version))
    assert isinstance(asked, Challenged)
    assert asked.reusable is reusable


def test_an_http_proxy_may_ask_too() -> None:
    head = with_fields(407, ("proxy-authenticate", "Basic realm=p"), ("www-authenticate", "NTLM"))
    asked = read_outcome(head)
    assert isinstance(asked, Challenged)
    assert asked.by_http_proxy
    assert asked.challenges == (Challenge("Basic", None, (("realm", "p"),)),)


def test_an_rpc_error_prefers_what_its_body_says() -> None:
    answer = connect_failed(0x6BA, process_id=1, timestamp=2, computer_name="x" * 500).encode()
    failed = outcome(answer)
    assert isinstance(failed, Failed)
    assert failed.body.until_close
    assert failed.rpc_error is not None
    assert failed.rpc_error.records[0].computer_name is None
    more = failed.with_body(answer[answer.index(b"RPC EEInfo:") :])
    assert more.rpc_error is not None
    assert more.rpc_error.records[0].computer_name == "x" * 500
    assert more.as_error().rpc_status == 0x6BA
    assert more.as_error().causes == (0x6BA,)


def test_a_refusal_of_our_own_proxy_says_its_rule() -> None:
    failed = outcome(refusal_answer(HttpRefused(403, "Forbidden", "ValidPorts")))
    assert isinstance(failed, Failed)
    assert failed.rule == "ValidPorts"
    assert str(failed.as_error()) == "the proxy answered 403 Forbidden (refused by ValidPorts)"
    assert failed.as_error().rule == "ValidPorts"


def test_a_redirection_says_where_to() -> None:
    failed = read_outcome(with_fields(302, ("location", "https://elsewhere/rpc/rpcproxy.dll")))
    assert isinstance(failed, Failed)
    assert failed.as_error().location == "https://elsewhere/rpc/rpcproxy.dll"


@pytest.mark.parametrize("status", [200, 206, 299])
def test_a_v1_connection_opens_with_any_2xx(status: int) -> None:
    opened = read_outcome(with_fields(status, ("content-length", "5")), tunnel=True)
    assert isinstance(opened, Accepted)
    assert opened.body.until_close
    assert isinstance(outcome(connect_head(), tunnel=True), Accepted)


def test_a_v1_connection_does_not_open_with_300() -> None:
    assert isinstance(read_outcome(with_fields(300), tunnel=True), Failed)


@pytest.mark.parametrize(
    ("head", "extent"),
    [
        (with_fields(200, ("content-length", "5")), BodyExtent(length=5)),
        (with_fields(200, ("content-length", "5"), ("content-length", "5")), BodyExtent(length=5)),
        (with_fields(200, ("content-length", "5"), ("content-length", "6")), BodyExtent()),
        (with_fields(200, ("content-length", "-5")), BodyExtent()),
        (with_fields(200, ("content-length", "5, 5")), BodyExtent()),
        (with_fields(200, ("transfer-encoding", "Chunked")), BodyExtent(chunked=True)),  # TMG 2010
        (
            with_fields(200, ("transfer-encoding", "chunked"), ("content-length", "5")),
            BodyExtent(chunked=True),
        ),
        (with_fields(200, ("transfer-encoding", "gzip, chunked")), BodyExtent()),
        (with_fields(204, ("content-length", "5")), BodyExtent(length=0)),
        (with_fields(304), BodyExtent(length=0)),
        (with_fields(100), BodyExtent(length=0)),
        (with_fields(200), BodyExtent()),
    ],
)
def test_where_a_body_ends(head: ResponseHead, extent: BodyExtent) -> None:
    assert body_extent(head) == extent


@pytest.mark.parametrize(
    ("data", "turned"),
    [
        (b"", None),
        (b"H", None),
        (b"HTTP", None),
        (b"HTTP/", True),
        (b"HTTP/1.0 503 RPC Error: 6ba\r\n\r\n", True),
        (b"HTTQ", False),
        (bytes.fromhex("05"), False),
        (bytes.fromhex("05 00 14 03"), False),
    ],
)
def test_iis_writes_its_error_into_the_stream(data: bytes, turned: bool | None) -> None:
    assert stream_turned_http(data) is turned


def test_the_error_in_the_stream_is_read_like_any_other() -> None:
    failed = outcome(b"HTTP/1.0 503 RPC Error: 6ba\r\n\r\n")
    assert isinstance(failed, Failed)
    assert failed.rpc_error == RpcError(0x6BA)

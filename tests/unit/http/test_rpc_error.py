"""`503 RPC Error`, built and read."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rpch.errors import LocalProtocolError, ProxyError
from rpch.http.eeinfo import ErrorParameter, ErrorRecord, ParameterKind
from rpch.http.heads import ResponseHead, read_response_head
from rpch.http.rpc_error import (
    FORBIDDEN,
    MAX_PHRASE,
    PROTOCOL_ERROR,
    SERVER_UNAVAILABLE,
    RpcError,
    connect_failed,
    read_rpc_error,
)

BLOB = "ARAIAMzMzMwwAAAAAAAAAAAAAgAAAAAAAAAAAAIAAgA0EgAAAAAAAAAAAAAAANsBDgAAALoGAACgBQAAAAAAAA=="
RECORD = ErrorRecord(0x0E, 0x6BA, 0x5A0, process_id=0x1234, timestamp=0x01DB_0000_0000_0000)
UNAVAILABLE = connect_failed(SERVER_UNAVAILABLE, process_id=0x1234, timestamp=0x01DB_0000_0000_0000)


def parts(answer: bytes) -> tuple[ResponseHead, bytes]:
    found = read_response_head(answer)
    assert found is not None
    return found[0], answer[found[1] :]


def answer_with(phrase: str, status: int = 503) -> ResponseHead:
    return ResponseHead(status, phrase, "1.0", ())


def test_an_error_with_what_is_known_about_it() -> None:
    assert (UNAVAILABLE.status, UNAVAILABLE.records) == (0x6BA, (RECORD,))
    assert UNAVAILABLE.encode() == (
        f"HTTP/1.0 503 RPC Error: 6ba, EEInfo: {BLOB}\r\n\r\nRPC EEInfo:{BLOB}\r\n".encode()
    )


def test_an_error_alone() -> None:
    assert RpcError(0xC0021009).encode() == b"HTTP/1.0 503 RPC Error: c0021009\r\n\r\n"
    assert RpcError(5).encode(version="1.1", fields=[("Connection", "close")]) == (
        b"HTTP/1.1 503 RPC Error: 5\r\nConnection: close\r\n\r\n"
    )


@pytest.mark.parametrize("status", [*sorted(FORBIDDEN), -1, 2**32])
def test_codes_that_mean_a_crash_are_never_sent(status: int) -> None:
    with pytest.raises(LocalProtocolError):
        RpcError(status).encode()


def test_there_are_fourteen_forbidden_codes() -> None:
    assert len(FORBIDDEN) == 14
    assert {0, 0x8000_0003, 0xC000_0005, 0xC000_0420} < FORBIDDEN


@pytest.mark.parametrize("status", [0x6BA, 0xC0021009])
def test_what_is_sent_is_read(status: int) -> None:
    for error in (RpcError(status), RpcError(status, (RECORD, replace(RECORD, computer_name="p")))):
        head, body = parts(error.encode())
        assert read_rpc_error(head, body) == error
        assert read_rpc_error(head) == error


def test_a_phrase_never_exceeds_its_limit_and_says_what_it_left_out() -> None:
    cause = replace(RECORD, computer_name="x" * 400)
    error = RpcError(0x6BA, (RECORD, cause))
    assert len(error.phrase) <= MAX_PHRASE
    head, body = parts(error.encode())
    in_head, in_body = read_rpc_error(head), read_rpc_error(head, body)
    assert in_body == error
    assert in_head == RpcError(0x6BA, (replace(RECORD, flags=0x2),))


def test_a_phrase_may_leave_out_the_details_of_the_only_record() -> None:
    detail = ErrorParameter(ParameterKind.UNICODE, "y" * 400)
    error = RpcError(0x6BA, (replace(RECORD, computer_name="proxy01", parameters=(detail,)),))
    head, body = parts(error.encode())
    assert len(head.phrase) <= MAX_PHRASE
    assert read_rpc_error(head) == RpcError(0x6BA, (RECORD,))
    assert read_rpc_error(head, body) == error


@pytest.mark.parametrize(
    ("phrase", "status"),
    [
        ("RPC Error: 6ba", 0x6BA),
        ("RPC Error: 6BA", 0x6BA),
        ("rpc error:5", 5),
        ("RPC Error: 0x6c0", 0x6C0),
        ("RPC Error: c0021009", 0xC0021009),  # Exchange 2013 and later
        ("RPC Error: 6ba, EEInfo: ", 0x6BA),
        ("RPC Error: 6ba, EEInfo: !!!!", 0x6BA),
        ("RPC Error: 6ba, EEInfo: AAAA", 0x6BA),
        ("RPC Error: 6ba, EEInfo: nothing of the kind", 0x6BA),
        ("RPC Error: 0", PROTOCOL_ERROR),
    ],
)
def test_phrases_of_other_proxies(phrase: str, status: int) -> None:
    assert read_rpc_error(answer_with(phrase)) == RpcError(status)


@pytest.mark.parametrize(
    "head",
    [
        answer_with("Service Unavailable"),
        answer_with("RPC Error: "),
        answer_with("RPC Error: 123456789"),
        answer_with("RPC Error: 6bg"),
        answer_with("An RPC Error: 6ba"),
        answer_with("RPC Error: 6ba", status=500),
        answer_with("RPC Error: 6ba", status=200),
    ],
    ids=repr,
)
def test_other_answers_are_no_rpc_errors(head: ResponseHead) -> None:
    assert read_rpc_error(head, b"RPC EEInfo:" + BLOB.encode()) is None


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"RPC EEInfo:\r\n", b"RPC EEInfo:AAAA\r\n", b"RPC EEInfo:" + b"A" * 70_000]
)
def test_a_body_that_says_nothing_leaves_what_the_head_says(body: bytes) -> None:
    head = answer_with(f"RPC Error: 6ba, EEInfo: {BLOB}")
    assert read_rpc_error(head, body) == RpcError(0x6BA, (RECORD,))


def test_a_caller_sees_the_code() -> None:
    error = UNAVAILABLE.as_error()
    assert isinstance(error, ProxyError)
    assert (error.status, error.rpc_status) == (503, 0x6BA)
    assert str(error) == "the proxy answered 503 RPC Error: 6ba"

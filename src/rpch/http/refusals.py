"""Why a request is refused: one rule, one status, one sentence."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from http import HTTPStatus
from typing import Final

from rpch.errors import RemoteProtocolError


class Rule(StrEnum):
    """The rules of the HTTP layer, by the names that logs, metrics and peers read."""

    HEAD_SIZE = "HeadSize"
    HEAD_FIELDS = "HeadFields"
    EMPTY_LINE = "EmptyLine"
    LINE_END = "LineEnd"
    CONTROL_BYTE = "ControlByte"
    FOLDED_FIELD = "FoldedField"
    GRAMMAR = "Grammar"
    HTTP_VERSION = "HttpVersion"
    HOST = "Host"
    REPEATED_LENGTH = "RepeatedLength"
    BAD_LENGTH = "BadLength"
    REPEATED_AUTHORIZATION = "RepeatedAuthorization"
    LENGTH_AND_CODING = "LengthAndCoding"
    UNKNOWN_CODING = "UnknownCoding"
    CODING_ON_CHANNEL = "CodingOnChannel"
    METHOD = "Method"
    UNKNOWN_METHOD = "UnknownMethod"
    PATH = "Path"
    TARGET_FORM = "TargetForm"
    NO_SERVER = "NoServer"
    SERVER_NAME = "ServerName"
    SERVER_PORT = "ServerPort"
    CHANNEL_LENGTH = "ChannelLength"


STATUS_OF: Final[Mapping[Rule, HTTPStatus]] = {
    Rule.HEAD_SIZE: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    Rule.HEAD_FIELDS: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    Rule.HTTP_VERSION: HTTPStatus.HTTP_VERSION_NOT_SUPPORTED,
    Rule.UNKNOWN_CODING: HTTPStatus.NOT_IMPLEMENTED,
    Rule.CODING_ON_CHANNEL: HTTPStatus.LENGTH_REQUIRED,
    Rule.METHOD: HTTPStatus.METHOD_NOT_ALLOWED,
    Rule.UNKNOWN_METHOD: HTTPStatus.NOT_IMPLEMENTED,
    Rule.PATH: HTTPStatus.NOT_FOUND,
}
"""The status of every rule that is not answered 400."""


class HttpRefused(RemoteProtocolError):
    """A request that is answered with an error status, and the rule that refused it.

    `detail` never quotes a field's value: it may be a credential, and it goes into logs.
    """

    def __init__(self, status: int, phrase: str, rule: str, detail: str = "") -> None:
        super().__init__(status, phrase, rule, detail)
        self.status, self.phrase, self.rule, self.detail = status, phrase, rule, detail

    def __str__(self) -> str:
        detail = f": {self.detail}" if self.detail else ""
        return f"refused by {self.rule}{detail} ({self.status} {self.phrase})"


def refused_by(rule: Rule, detail: str) -> HttpRefused:
    """The refusal that a rule of this layer answers."""
    status = STATUS_OF.get(rule, HTTPStatus.BAD_REQUEST)
    return HttpRefused(status.value, status.phrase, rule.value, detail)

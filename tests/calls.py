"""Calling a service in this process: stubs are encoded and decoded, and nothing else is in between."""

from __future__ import annotations

from dataclasses import dataclass, field
from inspect import isawaitable
from itertools import count
from typing import TypeVar
from uuid import UUID

from rpch.dcerpc.associations import Association, AssociationTable, Caller
from rpch.dcerpc.interface import Handles, Message, Operation, interface_of
from rpch.dcerpc.pdus import AuthLevel

Req = TypeVar("Req", bound=Message)
Resp = TypeVar("Resp", bound=Message)


def association() -> Association:
    """An association group of its own."""
    numbers = count(1)
    groups = AssociationTable(new_group_id=lambda: 1, new_handle=lambda: UUID(int=next(numbers)))
    made = groups.create("tester")
    assert made is not None
    return made


@dataclass
class TestCall:
    """What an operation may know of its call."""

    __test__ = False

    association: Handles
    user: str | None = None
    cancelled: bool = False
    object_uuid: UUID | None = None
    peer: str = "test"
    level: AuthLevel = AuthLevel.NONE


@dataclass
class Calling:
    """A client of one service, as one user."""

    service: object
    user: str | None = None
    group: Association = field(default_factory=association)

    async def call(self, operation: Operation[Req, Resp], request: Req) -> Resp:
        """What `RpcClient.call` does, without a network."""
        caller = Caller(interface_of(self.service).syntax, self.user)
        call = TestCall(self.group.handles_of(caller), self.user)
        answer = operation.invoke(self.service, call, operation.request.decode(request.encode()))
        response = await answer if isawaitable(answer) else answer
        return operation.response.decode(response.encode())

"""Requests wait while too many answers do, in their order, and not without end."""

from rpch.dcerpc.pdus import Request
from rpch.server.inbox import HELD_LIMIT, Inbox

CALLS = [Request(number, 0, 1, bytes(100)).encode() for number in range(5)]


class Office:
    """Answers each request with one answer, and has room for two."""

    def __init__(self) -> None:
        self.received: list[bytes] = []
        self.answers = 0
        self.gave_up = 0
        self.inbox = Inbox(self.receive, lambda: self.answers >= 2, self.give_up)

    def receive(self, pdu: bytes) -> None:
        self.received.append(pdu)
        self.answers += 1
        self.inbox.release()  # as a turn does that an answer brings about

    def give_up(self) -> None:
        self.gave_up += 1


def test_requests_pass_at_once_while_there_is_room() -> None:
    office = Office()
    office.inbox.take(CALLS[0] + CALLS[1])
    assert office.received == CALLS[:2]


def test_the_others_wait_and_follow_in_order() -> None:
    office = Office()
    office.inbox.take(b"".join(CALLS[:4]))
    assert office.received == CALLS[:2]
    office.answers = 1
    office.inbox.take(CALLS[4])  # does not overtake
    assert office.received == CALLS[:2]
    office.inbox.release()
    assert office.received == CALLS[:3]
    office.answers = 0
    office.inbox.release()
    assert office.received == CALLS


def test_who_asks_on_and_on_is_given_up() -> None:
    office = Office()
    office.answers = 2
    for _ in range(HELD_LIMIT // len(CALLS[0])):
        office.inbox.take(CALLS[0])
    assert office.gave_up == 0
    office.inbox.take(CALLS[0])
    assert office.gave_up == 1
    office.answers = 0
    office.inbox.release()
    assert office.received == []


def test_what_waits_can_be_forgotten() -> None:
    office = Office()
    office.inbox.take(b"".join(CALLS))
    office.inbox.clear()
    office.answers = 0
    office.inbox.release()
    assert office.received == CALLS[:2]

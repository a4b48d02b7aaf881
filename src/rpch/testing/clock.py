"""Virtual time: what is to happen, in the order in which it will."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count


class Appointment:
    """Something that will happen unless it is called off."""

    __slots__ = ("patient", "what")

    def __init__(self, what: Callable[[], None], *, patient: bool) -> None:
        self.what: Callable[[], None] | None = what
        self.patient = patient


class Clock:
    """A clock that jumps from one appointment to the next.

    A patient appointment is one that may wait for ever, such as a machine's time-out. When only
    patient ones are left the world is at rest: nothing is on its way.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self.busy = 0  # appointments that are not patient
        self._heap: list[tuple[float, int, Appointment]] = []
        self._order = count()

    def at(self, when: float, what: Callable[[], None], *, patient: bool = False) -> Appointment:
        """Let this happen then; of two at the same time, the one made first."""
        appointment = Appointment(what, patient=patient)
        self.busy += not patient
        heapq.heappush(self._heap, (max(when, self.now), next(self._order), appointment))
        return appointment

    def after(self, delay: float, what: Callable[[], None]) -> Appointment:
        """Let this happen in a while."""
        return self.at(self.now + delay, what)

    def call_off(self, appointment: Appointment) -> None:
        """Let it not happen. Calling off twice, or too late, is harmless."""
        if appointment.what is not None:
            appointment.what = None
            self.busy -= not appointment.patient

    def step(self) -> bool:
        """Let the next thing happen; false when there is none."""
        while self._heap:
            when, _, appointment = heapq.heappop(self._heap)
            what = appointment.what
            if what is None:
                continue
            self.now = when
            appointment.what = None
            self.busy -= not appointment.patient
            what()
            return True
        return False

    def next_time(self) -> float | None:
        """When the next thing will happen."""
        while self._heap and self._heap[0][2].what is None:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def run(self, until: float) -> None:
        """Let everything happen that happens until then, time-outs included."""
        while (when := self.next_time()) is not None and when <= until:
            self.step()
        self.now = max(self.now, until)

    def settle(self, *, limit: int) -> None:
        """Until nothing is on its way any more; `RuntimeError` when it never ends."""
        for _ in range(limit):
            if not self.busy or not self.step():
                return
        raise RuntimeError(f"still busy after {limit} steps, at {self.now:.3f} s")

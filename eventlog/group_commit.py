"""Group commit: while one thread commits, the others queue, and the next one commits for all of them.

A commit costs one wait for the disk whatever it holds, so fifty threads with one event each pay for one.
"""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Generic, TypeVar

from schemas.errors import OvertideError

Request = TypeVar("Request")
Result = TypeVar("Result")


class _Ticket(Generic[Request, Result]):
    """One thread's request; `turn` is released when it is done or when its thread shall lead."""

    __slots__ = ("error", "leads", "request", "result", "turn")

    def __init__(self, request: Request) -> None:
        self.request = request
        self.result: Result | None = None
        self.error: BaseException | None = None
        self.leads = False
        self.turn = threading.Lock()
        self.turn.acquire()


class GroupCommit(Generic[Request, Result]):
    """Runs `commit` for groups of requests, one group at a time, and hands every thread its own result.

    `weight` of a request counts towards `limit`, at which a group is closed. An error fails its whole group.
    """

    def __init__(self, commit: Callable[[list[Request]], list[Result]], weight: Callable[[Request], int],
                 limit: int) -> None:
        self._commit, self._weight, self._limit = commit, weight, limit
        self._mutex = threading.Lock()
        self._queue: deque[_Ticket[Request, Result]] = deque()
        self._busy = False

    def submit(self, request: Request) -> Result:
        """Return the result of a request once its group is committed; raise what the commit raised."""
        ticket = _Ticket[Request, Result](request)
        self._enter(ticket)
        try:
            ticket.turn.acquire()
            if ticket.leads:
                self._lead(self._group())
        except BaseException:
            self._abandon(ticket)
            raise
        if ticket.error is not None:
            raise _own(ticket.error)
        return ticket.result  # type: ignore[return-value]  # set, since there is no error

    def _enter(self, ticket: _Ticket[Request, Result]) -> None:
        with self._mutex:
            self._queue.append(ticket)
            if not self._busy:
                self._busy = True
                self._promote()

    def _promote(self) -> None:
        """Let the first in the queue lead; the mutex is held."""
        if self._queue:
            self._queue[0].leads = True
            self._queue[0].turn.release()
        else:
            self._busy = False

    def _group(self) -> list[_Ticket[Request, Result]]:
        """Take the requests of the next group from the queue; the leader's own is the first."""
        group: list[_Ticket[Request, Result]] = []
        weight = 0
        with self._mutex:
            while self._queue and (not group or weight + self._weight(self._queue[0].request) <= self._limit):
                ticket = self._queue.popleft()
                weight += self._weight(ticket.request)
                group.append(ticket)
        return group

    def _lead(self, group: list[_Ticket[Request, Result]]) -> None:
        """Commit a group, wake its threads and pass the lead on, also when this thread is interrupted."""
        try:
            results = self._commit([ticket.request for ticket in group])
            for ticket, result in zip(group, results, strict=True):
                ticket.result = result
        except BaseException as error:  # noqa: BLE001 - handed to every thread of the group, this one included
            for ticket in group:
                ticket.error = error
        for follower in group[1:]:
            follower.turn.release()
        with self._mutex:
            self._promote()

    def _abandon(self, ticket: _Ticket[Request, Result]) -> None:
        """Leave the queue after an interruption; a lead that was just given is passed on."""
        with self._mutex:
            if ticket in self._queue:
                self._queue.remove(ticket)
                if ticket.leads:
                    self._promote()


def _own(error: BaseException) -> BaseException:
    """Return an error that a thread may raise for itself: a copy of those that users see."""
    return replace(error) if isinstance(error, OvertideError) else error

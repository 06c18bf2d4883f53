"""Group commit: while one thread commits, others queue, and the next commits for all.

A commit costs one wait for the disk whatever it holds, so fifty threads with one event each pay for
one. A thread may be interrupted between any two steps (ctrl-C in the main thread): nobody waits for
it then, and the others get an error.
"""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Generic, TypeVar

from overtide.eventlog.failures import interrupted
from overtide.schemas.errors import OvertideError

Request = TypeVar("Request")
Result = TypeVar("Result")


class _Ticket(Generic[Request, Result]):
    """One thread's request, with the `turn` on which the thread waits.

    `turn` is released when the request is done or when its thread shall lead its `group`.
    """

    __slots__ = ("answered", "error", "group", "request", "result", "turn")

    def __init__(self, request: Request) -> None:
        self.request = request
        self.result: Result | None = None
        self.answered = False
        self.error: Exception | None = None
        self.group: list[_Ticket[Request, Result]] = []
        self.turn = threading.Lock()
        self.turn.acquire()

    def wake(self) -> None:
        """Let the thread go on; once more does no harm, since it waits only once."""
        if self.turn.locked():
            self.turn.release()


class GroupCommit(Generic[Request, Result]):
    """Runs `commit` for one group of requests at a time.

    Every thread is handed its own result.

    `weight` of a request counts towards `limit`, at which a group is closed. An error fails its
    whole group.
    """

    def __init__(
        self,
        commit: Callable[[list[Request]], list[Result]],
        weight: Callable[[Request], int],
        limit: int,
    ) -> None:
        self._commit, self._weight, self._limit = commit, weight, limit
        self._mutex = threading.Lock()
        self._queue: deque[_Ticket[Request, Result]] = deque()
        self._leader: _Ticket[Request, Result] | None = None

    def submit(self, request: Request) -> Result:
        """Return the result of a request once its group is committed; raise what the commit raised.

        Only the thread that is interrupted raises the interruption; the others of its group
        `log_unwritable`.
        """
        ticket: _Ticket[Request, Result] = _Ticket(request)
        try:
            self._enter(ticket)
            ticket.turn.acquire()
            if self._leader is ticket:
                self._lead(ticket)
        except BaseException:
            self._leave(ticket)
            raise
        finally:
            ticket.group = []  # it holds the ticket itself, and so all that was sent
        if ticket.error is not None:
            raise _own(ticket.error)
        return ticket.result  # type: ignore[return-value]  # set, since there is no error

    def _enter(self, ticket: _Ticket[Request, Result]) -> None:
        with self._mutex:
            self._queue.append(ticket)
            if self._leader is None:
                self._promote()

    def _promote(self) -> None:
        """Let the first in the queue lead; the mutex is held."""
        self._leader = self._queue[0] if self._queue else None
        if self._leader is not None:
            self._leader.wake()

    def _lead(self, ticket: _Ticket[Request, Result]) -> None:
        """Commit a group, wake its threads and pass the lead on, even when interrupted.

        It is this thread that may be interrupted.
        """
        try:
            ticket.group = [ticket]
            self._gather(ticket)
            results = self._commit([one.request for one in ticket.group])
            for one, result in zip(ticket.group, results, strict=True):
                one.result = result
                one.answered = True
        except Exception as error:  # noqa: BLE001 - handed to every thread of the group, this one included
            for one in ticket.group:
                one.error = error
        finally:
            self._leave(ticket)

    def _gather(self, ticket: _Ticket[Request, Result]) -> None:
        """Take the requests of the leader's group from the queue; its own is the first."""
        with self._mutex:
            weight = 0
            for place, one in enumerate(self._queue):
                weight += self._weight(one.request)
                if place and weight > self._limit:
                    break
                if place:
                    ticket.group.append(one)
            self._drop(ticket)

    def _leave(self, ticket: _Ticket[Request, Result]) -> None:
        """Leave the queue, wake the group and pass the lead on.

        After an interruption in here it is done again.
        """
        for one in ticket.group[1:]:
            if not one.answered:
                one.error = one.error or interrupted()
            one.wake()
        with self._mutex:
            self._drop(ticket)
            if self._leader is ticket:
                self._promote()
            elif self._leader is not None:
                self._leader.wake()

    def _drop(self, ticket: _Ticket[Request, Result]) -> None:
        """Take a ticket and its group, which is the queue's begin, from the queue.

        The mutex is held.
        """
        if ticket in self._queue:
            self._queue.remove(ticket)
        while self._queue and self._queue[0] in ticket.group:
            self._queue.popleft()


def _own(error: Exception) -> Exception:
    """Return an error that a thread may raise for itself: a copy of those that users see."""
    return replace(error) if isinstance(error, OvertideError) else error

"""The client without `async`."""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Self, TypeVar, Unpack
from uuid import uuid4

import httpx

from overtide.client import calls, workflows
from overtide.client.calls import Answer, Call, EventReader, Terms
from overtide.client.failures import ConnectionFailedError, ServiceError
from overtide.client.models import Accepted, Activity, Customer, RowAnswer, row_of
from overtide.client.retries import AGAIN, Retries
from overtide.client.workflows import Job, Schedule

Result = TypeVar("Result")
PAGE = 1000
"""Activities that are asked for at once."""


class Client:
    """Asks one instance of a service; usable from many threads.

    `url` is that of the service, such as http://127.0.0.1:8400; `instance` is found out where the
    service has one. `sleep` waits so many seconds.
    """

    def __init__(
        self,
        url: str,
        token: str,
        instance: str | None = None,
        *,
        retries: Retries = Retries(),  # noqa: B008 - it never changes
        timeout: float = 30.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._instances = calls.instances_of(url)
        self._retries, self._sleep = retries, sleep
        headers = {"Authorization": f"Bearer {token}"}
        self._http = httpx.Client(headers=headers, timeout=timeout)
        self.instance = instance

    def _address(self, path: str) -> str:
        """Return the address of a path below the instance, which is found out once."""
        if path == self._instances:
            return path
        if self.instance is None:
            self.instance = self._sent(calls.instances(self._instances))
        return calls.address(f"{self._instances}/{self.instance}", path)

    def customer(
        self,
        customer_id: str,
        *,
        as_of: str | None = None,
        known_at: str | None = None,
        base: bool = False,
    ) -> Customer:
        """Return a customer, now or at an instant; with `base` real-time changes are left out."""
        return self._sent(calls.customer(customer_id, as_of, known_at, base))

    def changed(self, known: Customer) -> Customer | None:
        """Return a customer anew, None where it is as it is known."""
        return self._sent(calls.changed(known))

    def find(self, entity: str, key: str) -> Customer:
        """Return the customer of a source record; `entity` is its full name."""
        return self.customer(self._sent(calls.key_ring(entity, key)))

    def update(
        self, customer_id: str, fields: Mapping[str, Any], **terms: Unpack[Terms]
    ) -> Accepted:
        """Change fields of a customer."""
        return self._sent(calls.update(customer_id, fields, terms))

    def withdraw(
        self, customer_id: str, field: str | None = None, **terms: Unpack[Terms]
    ) -> Accepted:
        """End the changes of a field, or of all."""
        return self._sent(calls.withdraw(customer_id, field, terms))

    def post(self, entity: str, record: Mapping[str, Any], **terms: Unpack[Terms]) -> Accepted:
        """Add an activity: a source record of `entity`, or a UnifiedActivity."""
        return self._sent(calls.post(entity, record, terms))

    def post_many(
        self,
        entity: str,
        records: Iterable[Mapping[str, Any]],
        *,
        atomic: bool = False,
        **terms: Unpack[Terms],
    ) -> Iterator[RowAnswer]:
        """Add many activities, and give an answer to each, in order.

        It is not sent again: an activity with an identity may be, since it is never added twice.
        """
        call = calls.batch(entity, atomic, terms)
        with self._http.stream(
            call.method,
            self._address(call.path),
            params=dict(call.query),
            headers=dict(call.headers),
            content=calls.lines(records),
        ) as response:
            _expect_done(response)
            for line in response.iter_lines():
                document = json.loads(line)
                if "index" not in document:
                    error = document["error"]
                    raise ServiceError(document["status"], error["code"], error["message"])
                yield row_of(document)

    def activities(self, customer_id: str) -> Iterator[Activity]:
        """Give a customer's activities, newest first, as they are read page by page."""
        skip = 0
        while page := self._sent(calls.activities(customer_id, PAGE, skip)):
            yield from page
            skip += len(page)
            if len(page) < PAGE:
                return

    def rows(self, entity: str, **options: object) -> Iterator[dict[str, Any]]:
        """Give the rows of an entity; options are those of OData without `$`, such as `filter`."""
        page = self._sent(calls.rows(entity, **options))
        yield from page.rows
        while page.next is not None:
            page = self._sent(calls.next_page(page.next))
            yield from page.rows

    def watch(self, customer_id: str) -> Iterator[Customer]:
        """Give a customer now, and again whenever it changes, without end."""
        last: str | None = None
        while True:
            try:
                for customer in self._watched(customer_id, last):
                    last = customer.etag
                    yield customer
            except httpx.TransportError:
                self._sleep(self._retries.first)

    def refresh(self) -> Job:
        """Submit a refresh; where one waits already, that is the answer."""
        return self._sent(workflows.submit())

    def jobs(self, most: int = 10) -> list[Job]:
        """Return the jobs submitted last, the newest first."""
        return self._sent(workflows.jobs(most))

    def job(self, job_id: str) -> Job:
        """Return a job with its stages."""
        return self._sent(workflows.job(job_id))

    def finished(self, job_id: str, pause: float = 1.0) -> Job:
        """Return a job once it is over; it is looked at after each pause of so many seconds."""
        while not (job := self.job(job_id)).over:
            self._sleep(pause)
        return job

    def cancel(self, job_id: str) -> Job:
        """End a job that waits or runs; one that runs may take a moment longer."""
        return self._sent(workflows.cancel(job_id))

    def schedules(self) -> list[Schedule]:
        """Return all schedules."""
        return self._sent(workflows.schedules())

    def schedule(
        self,
        cron: str | Sequence[str],
        time_zone: str = "UTC",
        *,
        active: bool = True,
        schedule_id: str | None = None,
    ) -> Schedule:
        """Make a schedule of refreshes, or with `schedule_id` a new version of one."""
        made = schedule_id or str(uuid4())
        return self._sent(workflows.put_schedule(made, cron, time_zone, active))

    def delete_schedule(self, schedule_id: str) -> Schedule:
        """End a schedule."""
        return self._sent(workflows.delete_schedule(schedule_id))

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def _watched(self, customer_id: str, last: str | None) -> Iterator[Customer]:
        call, reader = calls.live(customer_id, last), EventReader()
        with self._http.stream(
            call.method, self._address(call.path), headers=dict(call.headers)
        ) as response:
            _expect_done(response)
            for line in response.iter_lines():
                customer = reader.take(line)
                if customer is not None:
                    yield customer

    def _sent(self, call: Call[Result]) -> Result:
        """Send a request until it is answered; raise the refusal."""
        attempt = 0
        while True:
            attempt += 1
            answer, failure = self._tried(call)
            if answer is not None and answer.status not in AGAIN:
                break
            pause = self._retries.pause(attempt, {} if answer is None else answer.headers)
            if pause is None:
                break
            self._sleep(pause)
        if answer is None:
            raise ConnectionFailedError(failure, attempt)
        if answer.status >= 400:
            raise calls.failure(answer)
        return call.read(answer)

    def _tried(self, call: Call[Result]) -> tuple[Answer | None, str]:
        address = self._address(call.path)
        try:
            response = self._http.request(
                call.method,
                address,
                params=dict(call.query) or None,
                headers=dict(call.headers),
                content=call.body,
            )
        except httpx.TransportError as error:
            return None, f"{type(error).__name__}: {error}"
        return _answer(response), ""


def _answer(response: httpx.Response) -> Answer:
    return Answer(response.status_code, response.headers, response.content)


def _expect_done(response: httpx.Response) -> None:
    if response.status_code >= 400:
        response.read()
        raise calls.failure(_answer(response))

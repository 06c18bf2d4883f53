"""The client with `async`: its methods are those of `Client`."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
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


class AsyncClient:
    """Asks one instance of a service; in one event loop.

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
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._instances = calls.instances_of(url)
        self._retries, self._sleep = retries, sleep
        headers = {"Authorization": f"Bearer {token}"}
        self._http = httpx.AsyncClient(headers=headers, timeout=timeout)
        self.instance = instance

    async def _address(self, path: str) -> str:
        """Return the address of a path below the instance, which is found out once."""
        if path == self._instances:
            return path
        if self.instance is None:
            self.instance = await self._sent(calls.instances(self._instances))
        return calls.address(f"{self._instances}/{self.instance}", path)

    async def customer(
        self,
        customer_id: str,
        *,
        as_of: str | None = None,
        known_at: str | None = None,
        base: bool = False,
    ) -> Customer:
        """Return a customer, now or at an instant; with `base` real-time changes are left out."""
        return await self._sent(calls.customer(customer_id, as_of, known_at, base))

    async def changed(self, known: Customer) -> Customer | None:
        """Return a customer anew, None where it is as it is known."""
        return await self._sent(calls.changed(known))

    async def find(self, entity: str, key: str) -> Customer:
        """Return the customer of a source record; `entity` is its full name."""
        return await self.customer(await self._sent(calls.key_ring(entity, key)))

    async def update(
        self, customer_id: str, fields: Mapping[str, Any], **terms: Unpack[Terms]
    ) -> Accepted:
        """Change fields of a customer."""
        return await self._sent(calls.update(customer_id, fields, terms))

    async def withdraw(
        self, customer_id: str, field: str | None = None, **terms: Unpack[Terms]
    ) -> Accepted:
        """End the changes of a field, or of all."""
        return await self._sent(calls.withdraw(customer_id, field, terms))

    async def post(
        self, entity: str, record: Mapping[str, Any], **terms: Unpack[Terms]
    ) -> Accepted:
        """Add an activity: a source record of `entity`, or a UnifiedActivity."""
        return await self._sent(calls.post(entity, record, terms))

    async def post_many(
        self,
        entity: str,
        records: Iterable[Mapping[str, Any]],
        *,
        atomic: bool = False,
        **terms: Unpack[Terms],
    ) -> AsyncIterator[RowAnswer]:
        """Add many activities, and give an answer to each, in order.

        It is not sent again: an activity with an identity may be, since it is never added twice.
        """
        call = calls.batch(entity, atomic, terms)
        async with self._http.stream(
            call.method,
            await self._address(call.path),
            params=dict(call.query),
            headers=dict(call.headers),
            content=_sent_lines(records),
        ) as response:
            await _expect_done(response)
            async for line in response.aiter_lines():
                document = json.loads(line)
                if "index" not in document:
                    error = document["error"]
                    raise ServiceError(document["status"], error["code"], error["message"])
                yield row_of(document)

    async def activities(self, customer_id: str) -> AsyncIterator[Activity]:
        """Give a customer's activities, newest first, as they are read page by page."""
        skip = 0
        while page := await self._sent(calls.activities(customer_id, PAGE, skip)):
            for activity in page:
                yield activity
            skip += len(page)
            if len(page) < PAGE:
                return

    async def rows(self, entity: str, **options: object) -> AsyncIterator[dict[str, Any]]:
        """Give the rows of an entity; options are those of OData without `$`, such as `filter`."""
        page = await self._sent(calls.rows(entity, **options))
        for row in page.rows:
            yield row
        while page.next is not None:
            page = await self._sent(calls.next_page(page.next))
            for row in page.rows:
                yield row

    async def watch(self, customer_id: str) -> AsyncIterator[Customer]:
        """Give a customer now, and again whenever it changes, without end."""
        last: str | None = None
        while True:
            try:
                async for customer in self._watched(customer_id, last):
                    last = customer.etag
                    yield customer
            except httpx.TransportError:
                await self._sleep(self._retries.first)

    async def refresh(self) -> Job:
        """Submit a refresh; where one waits already, that is the answer."""
        return await self._sent(workflows.submit())

    async def jobs(self, most: int = 10) -> list[Job]:
        """Return the jobs submitted last, the newest first."""
        return await self._sent(workflows.jobs(most))

    async def job(self, job_id: str) -> Job:
        """Return a job with its stages."""
        return await self._sent(workflows.job(job_id))

    async def finished(self, job_id: str, pause: float = 1.0) -> Job:
        """Return a job once it is over; it is looked at after each pause of so many seconds."""
        while not (job := await self.job(job_id)).over:
            await self._sleep(pause)
        return job

    async def cancel(self, job_id: str) -> Job:
        """End a job that waits or runs; one that runs may take a moment longer."""
        return await self._sent(workflows.cancel(job_id))

    async def schedules(self) -> list[Schedule]:
        """Return all schedules."""
        return await self._sent(workflows.schedules())

    async def schedule(
        self,
        cron: str | Sequence[str],
        time_zone: str = "UTC",
        *,
        active: bool = True,
        schedule_id: str | None = None,
    ) -> Schedule:
        """Make a schedule of refreshes, or with `schedule_id` a new version of one."""
        made = schedule_id or str(uuid4())
        return await self._sent(workflows.put_schedule(made, cron, time_zone, active))

    async def delete_schedule(self, schedule_id: str) -> Schedule:
        """End a schedule."""
        return await self._sent(workflows.delete_schedule(schedule_id))

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()

    async def _watched(self, customer_id: str, last: str | None) -> AsyncIterator[Customer]:
        call, reader = calls.live(customer_id, last), EventReader()
        async with self._http.stream(
            call.method, await self._address(call.path), headers=dict(call.headers)
        ) as response:
            await _expect_done(response)
            async for line in response.aiter_lines():
                customer = reader.take(line)
                if customer is not None:
                    yield customer

    async def _sent(self, call: Call[Result]) -> Result:
        """Send a request until it is answered; raise the refusal."""
        attempt = 0
        while True:
            attempt += 1
            answer, failure = await self._tried(call)
            if answer is not None and answer.status not in AGAIN:
                break
            pause = self._retries.pause(attempt, {} if answer is None else answer.headers)
            if pause is None:
                break
            await self._sleep(pause)
        if answer is None:
            raise ConnectionFailedError(failure, attempt)
        if answer.status >= 400:
            raise calls.failure(answer)
        return call.read(answer)

    async def _tried(self, call: Call[Result]) -> tuple[Answer | None, str]:
        address = await self._address(call.path)
        try:
            response = await self._http.request(
                call.method,
                address,
                params=dict(call.query) or None,
                headers=dict(call.headers),
                content=call.body,
            )
        except httpx.TransportError as error:
            return None, f"{type(error).__name__}: {error}"
        return _answer(response), ""


async def _sent_lines(records: Iterable[Mapping[str, Any]]) -> AsyncIterator[bytes]:
    for chunk in calls.lines(records):
        yield chunk


def _answer(response: httpx.Response) -> Answer:
    return Answer(response.status_code, response.headers, response.content)


async def _expect_done(response: httpx.Response) -> None:
    if response.status_code >= 400:
        await response.aread()
        raise calls.failure(_answer(response))

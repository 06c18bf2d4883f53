"""Batches: lines of JSON that are accepted as they come, and an answer to each.

Four things go on at the same time: chunks are read, what has come is checked, what was checked is
appended to the log at once, and answers are sent. Whoever sends all before reading anything is not
held up: answers that are not taken wait in a file. Who sends faster than the disk takes is held up,
by its own connection.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from itertools import count
from tempfile import SpooledTemporaryFile

from overtide.schemas.errors import InvalidValueError, OvertideError, TooLargeError
from overtide.schemas.strict_json import MAX_BYTES, parse_json
from overtide.serving.acceptance import Answer, Prepared
from overtide.serving.own_threads import OwnThread
from overtide.serving.wire.results import answer_line, batch_line

LONGEST_LINE = 4 * MAX_BYTES
"""Bytes of a line: a record of 1 MiB, each letter of which may be escaped."""
AT_ONCE = 1024 * 1024
"""Bytes that are appended in one transaction, about."""
IN_MEMORY = 1024 * 1024
"""Bytes of answers that wait in memory; more of them wait in a file."""
READ_AHEAD = 16
"""Chunks that are read while others are appended."""
CHECKING, APPENDING = OwnThread("checks"), OwnThread("appends")
"""For all batches of a process together, in turn. A thread for each would be none the faster, since
one at a time computes, and whatever else is asked would wait for each of them again and again."""

Prepare = Callable[[Sequence[object]], list[Prepared]]
"""Checks records; may raise what concerns all."""
Append = Callable[[Sequence[Prepared]], list[Answer]]
"""Accepts what was checked, and answers each; it waits for a disk, and may raise, too."""


_RUNNING: set[asyncio.Task[None]] = set()
"""Tasks that are at work: the loop alone would not keep them."""


class LineReader:
    """Takes chunks of bytes, gives whole lines; what is longer than a line may be is an error."""

    def __init__(self) -> None:
        self._rest = b""
        self._skipping = False

    def lines(self, chunk: bytes) -> list[bytes | OvertideError]:
        """Return the lines that a chunk ends."""
        first, *others = chunk.split(b"\n")
        self._rest = b"" if self._skipping else self._rest + first
        if not others:
            return self._cut()
        ended: list[bytes | OvertideError] = [] if self._skipping else [_checked(self._rest)]
        self._skipping = False
        ended += map(_checked, others[:-1])
        self._rest = others[-1]
        return ended + self._cut()

    def last(self) -> list[bytes | OvertideError]:
        """Return the line that no line end follows."""
        rest, self._rest = self._rest, b""
        return [rest] if rest and not self._skipping else []

    def _cut(self) -> list[bytes | OvertideError]:
        """Give a line up that is too long already, and skip what is to come of it."""
        if len(self._rest) <= LONGEST_LINE:
            return []
        self._rest, self._skipping = b"", True
        return [_too_long()]


def _checked(line: bytes) -> bytes | OvertideError:
    return line if len(line) <= LONGEST_LINE else _too_long()


def _too_long() -> OvertideError:
    return TooLargeError(
        "too_large",
        f"The line is longer than {LONGEST_LINE // MAX_BYTES} MiB.",
        None,
        "Send less in one record.",
    )


def records(lines: Sequence[bytes | OvertideError], first: int) -> list[object]:
    """Return the records of lines; blank lines are none.

    A record is a JSON value, or the error of its line. `first` is the first line's number.
    """
    return [
        line if isinstance(line, OvertideError) else _parsed(line, number)
        for number, line in enumerate(lines, first)
        if isinstance(line, OvertideError) or line.strip()
    ]


def _parsed(line: bytes, number: int) -> object:
    try:
        return parse_json(line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line, number)
    except InvalidValueError as error:
        return error


class Spool:
    """Answers on their way to a client, in order; written by one task, read by another.

    What went wrong in between is the `failure`.
    """

    def __init__(self) -> None:
        self._file = SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - closed by `chunks` or `close`
        self._written, self._ended, self._more = 0, False, asyncio.Event()
        self.failure: Exception | None = None

    def write(self, content: bytes) -> None:
        """Append what is to be sent; nothing where nobody takes it any more."""
        if self._file.closed:
            return
        self._file.seek(self._written)
        self._file.write(content)
        self._written += len(content)
        self._more.set()

    def close(self) -> None:
        """Forget what was written, which nobody will take."""
        self._file.close()

    def end(self) -> None:
        """Say that nothing more comes."""
        self._ended = True
        self._more.set()

    async def chunks(self) -> AsyncIterator[bytes]:
        """Give what was written, as soon as it is there."""
        with self._file as file:
            sent = 0
            while sent < self._written or not self._ended:
                if sent == self._written:
                    await self._more.wait()
                    self._more.clear()
                    continue
                file.seek(sent)
                chunk = file.read(64 * 1024)
                sent += len(chunk)
                yield chunk
            if self.failure is not None:
                raise self.failure


class Batch:
    """Accepts the lines of one request: while some are appended, the next ones are checked."""

    def __init__(self, chunks: AsyncIterator[bytes], prepare: Prepare, append: Append) -> None:
        self._chunks, self._prepare, self._append = chunks, prepare, append
        self._read: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._room = asyncio.Semaphore(READ_AHEAD)
        self._lines, self._number, self._answered = LineReader(), 1, 0
        self._spool = Spool()

    async def answers(self) -> AsyncIterator[bytes]:
        """Return the answers, a line each; raise what is wrong with the request as a whole.

        What goes wrong later is a last line without an index: nothing after the last answer was
        accepted. What has come is accepted to its end, whether or not the client waits for it.
        """
        reading = _running(self._reading())
        try:
            rows, more = await self._next()
            await self._appended(rows)
        except BaseException:
            reading.cancel()
            self._spool.close()
            raise
        _running(self._posting(reading, more))
        return self._spool.chunks()

    async def _reading(self) -> None:
        try:
            async for chunk in self._chunks:
                await self._room.acquire()
                self._read.put_nowait(chunk)
        finally:
            self._read.put_nowait(None)

    async def _posting(self, reading: asyncio.Task[None], more: bool) -> None:
        try:
            await self._post_all(more)
        except OvertideError as error:
            self._spool.write(batch_line({"status": error.status, "error": error.as_json()}))
        except Exception as error:  # noqa: BLE001 - it is raised by who sends the answers
            self._spool.failure = error
        finally:
            reading.cancel()
            self._spool.end()

    async def _post_all(self, more: bool) -> None:
        appending = _running(self._appended([]))
        while more:
            try:
                rows, more = await self._next()
            finally:
                await appending  # the answers are in order, and none follows an error
            appending = _running(self._appended(rows))
        await appending

    async def _next(self) -> tuple[list[Prepared], bool]:
        """Check what has come; say whether more may come."""
        chunks, more = await self._come()
        lines = [line for chunk in chunks for line in self._lines.lines(chunk)]
        if not more:
            lines += self._lines.last()
        first = self._number
        self._number += len(lines)
        return await CHECKING.run(self._checked, lines, first) if lines else [], more

    def _checked(self, lines: Sequence[bytes | OvertideError], first: int) -> list[Prepared]:
        sent = records(lines, first)
        return self._prepare(sent) if sent else []

    async def _appended(self, rows: Sequence[Prepared]) -> None:
        if rows:
            self._spool.write(await APPENDING.run(self._answers, rows))

    def _answers(self, rows: Sequence[Prepared]) -> bytes:
        answers = self._append(rows)
        first = self._answered
        self._answered += len(answers)
        return b"".join(map(answer_line, answers, count(first)))

    async def _come(self) -> tuple[list[bytes], bool]:
        """Wait for a chunk, and take all that are there with it; False where it was the last."""
        chunks: list[bytes] = []
        size = 0
        while True:
            chunk = await self._read.get()
            if chunk is None:
                return chunks, False
            self._room.release()
            chunks.append(chunk)
            size += len(chunk)
            if size >= AT_ONCE or self._read.empty():
                return chunks, True


def _running(work: Coroutine[object, object, None]) -> asyncio.Task[None]:
    task = asyncio.create_task(work)
    _RUNNING.add(task)
    task.add_done_callback(_done)
    return task


def _done(task: asyncio.Task[None]) -> None:
    """Forget a task; a connection that broke is no news, and who waits for an error hears it."""
    _RUNNING.discard(task)
    if not task.cancelled():
        task.exception()

"""The head of an answer goes with its body, and alone where no body comes."""

import asyncio

from overtide.serving.http.joined import LARGE, JoinedWrites


class Written(asyncio.Transport):
    """A connection that keeps what is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[bytes] = []
        self.closed = False

    def write(self, data) -> None:
        self.found.append(bytes(data))

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


def written(*steps) -> list[bytes]:
    """Return what was written by steps: bytes, a call of the method of a name, a turn for None."""

    async def run() -> list[bytes]:
        transport = Written()
        joined = JoinedWrites(transport, asyncio.get_running_loop())
        for step in steps:
            if step is None:
                await asyncio.sleep(0)
            elif isinstance(step, bytes):
                joined.write(step)
            else:
                getattr(joined, step)()
        return transport.found

    return asyncio.run(run())


def test_a_body_goes_with_its_head():
    assert written(b"head", b"body", None) == [b"headbody"]
    assert written(b"head", b"", None) == [b"head"]
    large = b"x" * (LARGE + 1)
    assert written(b"head", large, None) == [b"head" + large]


def test_what_nothing_follows_goes_with_the_next_turn():
    assert written(b"head", None, b"one", None, b"two", None) == [b"head", b"one", b"two"]
    assert written(b"head", b"one", b"two", None) == [b"headone", b"two"]


def test_a_connection_that_closes_gets_what_waits_and_nothing_later():
    assert written(b"head", "close", None) == [b"head"]
    assert written("close", b"head", None) == []

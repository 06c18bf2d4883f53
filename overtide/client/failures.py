"""What can go wrong with a request."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass
class ServiceError(Exception):
    """The service refused: `code` is stable and explained in docs/errors.md.

    `status` is that of HTTP; `details` are the refusals of parts, such as of single fields.
    `request_id` names the request in the server's log.
    """

    status: int
    code: str
    message: str
    target: str | None = None
    details: tuple[Mapping[str, Any], ...] = ()
    request_id: str | None = None

    def __str__(self) -> str:
        """Return the sentence of the service, with the code."""
        return f"{self.message} ({self.status} {self.code})"


@dataclass
class ConnectionFailedError(Exception):
    """Nobody answered, however often it was tried; `attempts` says how often."""

    message: str
    attempts: int

    def __str__(self) -> str:
        """Return what the last attempt met."""
        return f"{self.message} ({self.attempts} attempts)"

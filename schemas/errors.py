"""Errors that a user may see: a stable code, what was wrong, and what to do.

A family is what a caller can catch, and says how all of its errors are answered.
"""

from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, Final, Self

DONE, FAILED, USAGE, LOCKED = 0, 1, 2, 75
"""Exit codes: done; failed or partly refused; wrong usage or configuration; locked, try later."""
INTERRUPTED, TERMINATED = 130, 143
"""Exit codes after ctrl-C and after SIGTERM."""


@dataclass
class OvertideError(Exception):
    """Something a user can understand and mend; it never changes.

    `code` is stable for ever and documented in `docs/errors.md`; `target` names the field, file or
    table that is wrong; `hint` says what to do; `status` is the HTTP status of the same refusal.
    """

    code: Final[str]
    message: Final[str]
    target: Final[str | None] = None
    hint: Final[str | None] = None
    status: ClassVar[int]
    exit_code: ClassVar[int] = FAILED
    details: Final[tuple["OvertideError", ...]] = ()

    def __setattr__(self, name: str, value: object) -> None:
        """Set what is not set yet: Python and runners note things of theirs on what is raised."""
        if name in vars(self) or name in ("status", "exit_code"):
            raise AttributeError(f"{name} of an {type(self).__name__} cannot be changed")
        super().__setattr__(name, value)

    def __reduce__(self) -> tuple[type[Self], tuple[Any, ...]]:
        """Return what it takes to build the error anew, in another process too."""
        return type(self), tuple(getattr(self, field.name) for field in fields(self))

    def __str__(self) -> str:
        """Return one sentence for a terminal: message, then the hint."""
        return f"{self.message} {self.hint}" if self.hint else self.message

    def about(self, target: str) -> Self:
        """Return the same error of a target."""
        return replace(self, target=target)

    def advising(self, hint: str) -> Self:
        """Return the same error with another hint."""
        return replace(self, hint=hint)

    def as_json(self) -> dict[str, object]:
        """Return the error as a JSON document, with its details."""
        document: dict[str, object] = {"code": self.code, "message": self.message}
        if self.target is not None:
            document["target"] = self.target
        if self.hint is not None:
            document["hint"] = self.hint
        if self.details:
            document["details"] = [detail.as_json() for detail in self.details]
        return document


class InvalidRequestError(OvertideError):
    """What is asked for, or sent, cannot be taken as it stands."""

    status = 400


class InvalidValueError(InvalidRequestError):
    """A text or a value is none of its type."""


class TooLargeError(InvalidRequestError):
    """What is sent is larger than can be kept."""

    status = 413


class NotAcceptableError(InvalidRequestError):
    """The answer cannot be given in a form that the client takes."""

    status = 406


class LargeHeadError(TooLargeError):
    """The address of a request, or what stands in its headers, is larger than is read."""

    status = 431


class LateRequestError(InvalidRequestError):
    """A request was begun, and did not come in time."""

    status = 408


class MediaTypeError(InvalidRequestError):
    """A body is not of a type that is read."""

    status = 415


class MethodError(InvalidRequestError):
    """The path is there, with other methods."""

    status = 405


class UnauthorizedError(OvertideError):
    """Nobody knows who sends a request."""

    status = 401


class ForbiddenError(OvertideError):
    """Who sends a request may not do this."""

    status = 403


class NotFoundError(OvertideError):
    """What is asked for is not there, or not yet."""

    status = 404


class ConflictError(OvertideError):
    """What was accepted or committed before contradicts."""

    status = 409


@dataclass
class TooManyRequestsError(OvertideError):
    """Somebody sends more requests than are answered, who may try again in so many seconds."""

    status = 429
    retry_after: Final[int | None] = None


class NotOfferedError(OvertideError):
    """What is asked for is known, and not offered."""

    status = 501


class UsageError(OvertideError):
    """The command line, or a call from Python, is not as it must be."""

    status, exit_code = 400, USAGE


class ConfigurationError(OvertideError):
    """`overtide.yaml` or a runner's file is not as it must be."""

    status, exit_code = 400, USAGE


class SourceError(OvertideError):
    """Source files cannot be read, or not published as they are."""

    status = 400


class SetupError(OvertideError):
    """The machine or the installation is not as it should be."""

    status = 400


class LockedError(OvertideError):
    """Another command holds a lock."""

    status, exit_code = 423, LOCKED


class FailedError(OvertideError):
    """Something was begun and failed while it ran."""

    status = 500


class CorruptError(OvertideError):
    """What is stored is damaged, or is another's or another version's."""

    status = 500


class ReplacedLogError(OvertideError):
    """The event log lacks events that were accepted: it is not the one that belongs to the lake."""

    status = 500


class UnavailableError(OvertideError):
    """A file, the lake, the log or memory cannot be had at the moment."""

    status = 503


class BusyError(UnavailableError):
    """Another program keeps a file locked."""

    exit_code = LOCKED


class GenerationError(UnavailableError):
    """A serving generation is not there; the lake may stand in."""


class CorruptGenerationError(GenerationError):
    """A serving generation is there, and not what was built."""


class InterruptedCommandError(OvertideError):
    """The command was stopped by ctrl-C before it was done."""

    status, exit_code = 503, INTERRUPTED


class TerminatedCommandError(InterruptedCommandError):
    """The command was stopped by SIGTERM before it was done."""

    exit_code = TERMINATED

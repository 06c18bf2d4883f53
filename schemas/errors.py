"""The one family of errors that a user may see: a stable code, what was wrong, and what to do."""

from dataclasses import dataclass, field

DONE, FAILED, USAGE, LOCKED = 0, 1, 2, 75
"""Exit codes: done; failed or partly refused; wrong usage or configuration; locked, try later."""


@dataclass
class OvertideError(Exception):
    """Something a user can understand and mend.

    `code` is stable for ever and documented in `docs/errors.md`; `target` names the field, file or
    table that is wrong; `hint` says what to do; `status` is the HTTP status of the same refusal.
    """

    code: str
    message: str
    target: str | None = None
    hint: str | None = None
    status: int = 400
    exit_code: int = FAILED
    details: list["OvertideError"] = field(default_factory=list)

    def __str__(self) -> str:
        """Return one sentence for a terminal: message, then the hint."""
        return f"{self.message} {self.hint}" if self.hint else self.message

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


def usage_error(
    code: str, message: str, target: str | None = None, hint: str | None = None
) -> OvertideError:
    """Return an error of wrong usage or configuration (exit code 2)."""
    return OvertideError(code, message, target, hint, exit_code=USAGE)

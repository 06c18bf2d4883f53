"""What `overtide sql` shows of the service beside the lake: how it is used, and what was changed.

They are kept in files of the project, not in the lake (docs/operations.md, What is counted).
"""

from overtide.schemas.table import Column, Kept, Table

BINS = (0.005, 0.025, 0.1, 1.0)
"""Seconds that part the durations of calls."""
BIN_NAMES = ("UpTo5ms", "UpTo25ms", "UpTo100ms", "UpTo1s", "Longer")

API_USAGE = Table(
    "api_usage",
    "Calls of the HTTP service, counted by the minute for 30 days; in `overtide sql` only.",
    (
        Column("Minute", "TIMESTAMPTZ", "when the minute began"),
        Column("Operation", "VARCHAR", "the operation, as in docs/api.md; (unknown) for none"),
        Column("Method", "VARCHAR", "the HTTP method"),
        Column("Entity", "VARCHAR", "what was read or changed; (unknown) where it is no entity"),
        Column("Caller", "VARCHAR", "who made the call, as told by the sender"),
        Column("PrincipalId", "VARCHAR", "id of the token that was used; empty without one"),
        Column("Principal", "VARCHAR", "its name"),
        Column("Result", "VARCHAR", "Success, ClientError or Failure"),
        Column("Status", "INTEGER", "the HTTP status; 499 where the client did not wait for it"),
        Column("ErrorCode", "VARCHAR", "the code of a refusal (docs/errors.md); else empty"),
        Column("Calls", "BIGINT", "how many calls"),
        Column("RequestBytes", "BIGINT", "bytes of their bodies"),
        Column("ResponseBytes", "BIGINT", "bytes of the bodies of the answers"),
        Column("Seconds", "DOUBLE", "how long they took together"),
        Column("LongestSeconds", "DOUBLE", "how long the longest one took"),
        *(
            Column(name, "BIGINT", f"how many of them took {text}")
            for name, text in zip(
                BIN_NAMES,
                (
                    "at most 5 ms",
                    "longer, at most 25 ms",
                    "longer, at most 100 ms",
                    "longer, at most 1 s",
                    "longer",
                ),
                strict=True,
            )
        ),
    ),
    kept=Kept.MONTH,
)

AUDIT = Table(
    "audit",
    "Who changed what: tokens, settings, customers and activities, and what was refused; "
    "in `overtide sql` only.",
    (
        Column("DoneAt", "TIMESTAMPTZ", "when it was done; of refusals, when the minute began"),
        Column("PrincipalId", "VARCHAR", "id of the token that was used; empty on this machine"),
        Column("Principal", "VARCHAR", "its name, or the user of this machine"),
        Column("Caller", "VARCHAR", "who made the change, as told by the sender"),
        Column("Action", "VARCHAR", "what was done: an operation or a command; `refused`"),
        Column("Target", "VARCHAR", "what it was done to; of a refusal, the operation"),
        Column("Before", "VARCHAR", "JSON of what was there before, where it was a setting"),
        Column("After", "VARCHAR", "JSON of what is there since, where it is a setting"),
        Column("RequestId", "VARCHAR", "id of the request, by which the server's log names it"),
        Column("EventId", "VARCHAR", "id of the event; its values are in `updates` and others"),
        Column("Times", "BIGINT", "how often: 1 but for refusals, which are counted"),
    ),
)

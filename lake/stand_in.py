"""The lake in place of a serving generation that is lost or damaged.

Slower by a scan, and just as right.
"""

import json
from collections.abc import Collection
from typing import TYPE_CHECKING

from overtide.lake.base_of_run import Lake, Past
from overtide.lake.definitions import TABLE_COLUMNS
from overtide.lake.generation import Generation, Json, Profile, missing
from overtide.schemas.signatures import signature
from overtide.schemas.table import SCHEMA

if TYPE_CHECKING:
    from pathlib import Path


class LakeGeneration(Generation):
    """Reads the base of the run published last from the lake.

    Its interface is that of the run's generation at `path`.
    """

    def __init__(
        self, lake: Lake, run: int, path: "Path"
    ) -> None:  # not that of the file, which cannot be used
        self.path, self.seen, self._run = path, (signature(path),), run
        self._lake, self._base = lake, Past(lake, run, None)
        self._kept = documents_of(lake, run, path)

    @property
    def files(self) -> tuple["Path", ...]:
        """The file that cannot be used."""
        return (self.path,)

    @property
    def timelines(self) -> str | None:
        """None: which activities belong to the run was written in what is lost."""
        return None

    def resolve_id(self, customer_id: str) -> str | None:
        """Return the id of the profile that a current or previous id leads to, or None."""
        return self._base.resolve_id(customer_id)

    def resolve_record(self, entity: str, key: str) -> str | None:
        """Return the id of the profile that a source record belongs to, or None."""
        return self._base.resolve_record(entity, key)

    def resolve_activity(self, entity: str, key: str) -> str | None:
        """Return the id of the profile that an activity of a target belongs to, or None."""
        return self._base.resolve_activity(entity, key)

    def targets_among(self, entity: str, keys: Collection[str]) -> set[str]:
        """Return which of these targets of activities a profile has."""
        return {key for key in keys if self.resolve_activity(entity, key) is not None}

    def profile(self, customer_id: str) -> Profile | None:
        """Return the profile of a current id, or None."""
        return self._base.profile(customer_id)

    def any_customer(self) -> str | None:
        """Return the id of a customer, None where there is none."""
        rows = self._lake.query(f'SELECT "CustomerId" FROM {SCHEMA}.Customer LIMIT 1')
        return rows[0][0] if rows else None

    def any_key(self, entity: str) -> str | None:
        """Return the key of a record of a unified entity, None where there is none."""
        rows = self._lake.query(
            f'SELECT "PrimaryKey" FROM {SCHEMA}.AlternateKey WHERE "EntityName" = ? LIMIT 1',
            [entity],
        )
        return rows[0][0] if rows else None

    def _documents(self) -> dict[str, Json]:
        return self._kept

    def close(self) -> None:
        """Close nothing: the lake is another's."""


def documents_of(lake: Lake, run: int, path: "Path") -> dict[str, Json]:
    """Return the documents of the metadata that the lake keeps.

    Raise `generation_missing` where an earlier version published it.
    """
    kept = lake.query(TABLE_COLUMNS, ["serving_meta"])
    rows = lake.query(f'SELECT "Key", "Value" FROM {SCHEMA}.serving_meta') if kept else []
    if not rows:
        raise missing(path, "missing or damaged")
    return {"run": run, **{key: json.loads(value) for key, value in rows}}

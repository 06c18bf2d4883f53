"""The state of a project: the published run, locks, positions and counts."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from overtide.eventlog.contract import ReadableLog
from overtide.lake.catalog import Publish, connect
from overtide.lake.coordination import Lock, coordination
from overtide.lake.counts import Overlay, count_overlay
from overtide.lake.damage import NO_DAMAGE, Damage, damage_of, damaged
from overtide.lake.definitions import last_manifest
from overtide.lake.loss import losses
from overtide.lake.stand_in import LakeGeneration
from overtide.schemas.errors import OvertideError, UnavailableError
from overtide.schemas.instants import SECOND, Instant, format_instant
from overtide.schemas.paths import Paths
from overtide.serving.reader import Reader

EMPTY_OVERLAY = Overlay(0, 0, 0, 0, 0, 0, None)


def project_status(
    folder: Path, paths: Paths, log: ReadableLog, reader: Reader, behind: OvertideError | None
) -> dict[str, Any]:
    """Return the state of a project as a JSON document; `behind` is the warning about its clock."""
    present = reader.now()
    publish, now, tail = present.publish, present.as_of, log.tail()
    warnings = [one for one in (behind, log.damage()) if one is not None]
    overlay, manifest, damage = (
        (EMPTY_OVERLAY, {}, NO_DAMAGE) if publish is None else _in_lake(paths)
    )
    warnings += [damaged(damage, damage.files)] if damage.files else []
    return {
        "project": str(folder),
        "now": format_instant(now),
        "published": _published(reader, publish, now, manifest),
        "locks": {lock.value: coordination(paths).holder(lock) for lock in Lock},
        "log": {
            "position": tail.position,
            "acceptedAt": _instant(tail.accepted_at),
        },
        "stream": _stream(log, overlay, now),
        "live": {"updates": overlay.live_updates, "activities": overlay.live_activities},
        "held": overlay.held,
        "quarantined": overlay.quarantined,
        "flapBacks": overlay.flap_backs,
        "comparing": {
            name: manifest[name]
            for name in ("large", "ignored_values", "customer_ids")
            if name in manifest
        },
        "loss": [one.as_json() for one in losses(manifest)],
        "warnings": [one.as_json() for one in warnings],
    }


def _in_lake(paths: Paths) -> tuple[Overlay, dict[str, Any], Damage]:
    import duckdb

    connection = connect(paths)
    try:
        damage = damage_of(connection, paths.storage)
        try:
            return count_overlay(connection), last_manifest(connection), damage
        except duckdb.Error as error:
            if not damage.files:
                raise
            raise damaged(damage, damage.files) from error
    finally:
        connection.close()


def _published(
    reader: Reader, publish: Publish | None, now: Instant, manifest: Mapping[str, Any]
) -> dict[str, Any] | None:
    if publish is None:
        return None
    return {
        "run": publish.run,
        "publishedAt": format_instant(publish.published_at),
        "generation": publish.generation,
        "servedFrom": _served_from(reader),
        "ageSeconds": round((now - publish.published_at) / SECOND, 3),
        "unchangedSince": manifest.get("unchanged_since"),
    }


def _served_from(reader: Reader) -> str:
    """Say what answers for the base: its generation, the lake where that is lost, or nothing."""
    try:
        return "lake" if isinstance(reader.current(), LakeGeneration) else "generation"
    except UnavailableError:
        return "nothing"


def _stream(log: ReadableLog, overlay: Overlay, now: Instant) -> dict[str, Any]:
    """Return how far the stream is, how many events it has still to carry, and since when."""
    behind = max(0, log.end() - overlay.position)
    waiting = log.read(overlay.position, 1) if behind else []
    seconds = max(0, now - waiting[0].accepted_at) / SECOND if waiting else 0.0
    return {
        "position": overlay.position,
        "acceptedAt": _instant(overlay.accepted_at),
        "lagEvents": behind,
        "lagSeconds": round(seconds, 3),
    }


def _instant(instant: Instant | None) -> str | None:
    return format_instant(instant) if instant else None

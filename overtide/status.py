"""What `overtide status` says: the published run, locks, positions and counts."""

import json
from typing import TYPE_CHECKING, Any

from eventlog.contract import continues
from lake.catalog import Publish, connect
from lake.counts import Overlay, count_overlay
from lake.locks import holder, refresh_lock, stream_lock
from schemas.instants import SECOND, Instant, format_instant

if TYPE_CHECKING:
    from overtide.project import Project

NOTHING = Overlay(0, 0, 0, 0, 0, 0, None)


def status(project: "Project") -> dict[str, Any]:
    """Return the state of a project as a JSON document."""
    publish = project.reader.published()
    overlay = NOTHING if publish is None else _overlay(project)
    now = max(project.clock(), project.log.last_accepted_at(), publish.published_at if publish else 0)
    return {"project": str(project.folder), "now": format_instant(now), "published": _published(publish, now),
            "locks": {"refresh": holder(refresh_lock(project.paths)), "stream": holder(stream_lock(project.paths))},
            "log": {"position": project.log.end(), "acceptedAt": _instant(project.log.last_accepted_at())},
            "stream": _stream(project, overlay, now),
            "live": {"updates": overlay.live_updates, "activities": overlay.live_activities},
            "held": overlay.held, "quarantined": overlay.quarantined, "flapBacks": overlay.flap_backs,
            "comparing": {} if publish is None else _comparing(project, publish.run)}


def _comparing(project: "Project", run: int) -> dict[str, Any]:
    """Return what the manifest of the published run tells of comparing; nothing of a run made before it told."""
    connection = connect(project.paths)
    try:
        row = connection.execute("SELECT Manifest FROM lake.runs WHERE Run = ?", [run]).fetchone()
    finally:
        connection.close()
    manifest = json.loads(row[0]) if row else {}
    return {name: manifest[name] for name in ("large", "ignored_values") if name in manifest}


def _overlay(project: "Project") -> Overlay:
    connection = connect(project.paths)
    try:
        return count_overlay(connection)
    finally:
        connection.close()


def _published(publish: Publish | None, now: Instant) -> dict[str, Any] | None:
    if publish is None:
        return None
    return {"run": publish.run, "publishedAt": format_instant(publish.published_at), "generation": publish.generation,
            "ageSeconds": round((now - publish.published_at) / SECOND, 3)}


def _stream(project: "Project", overlay: Overlay, now: Instant) -> dict[str, Any]:
    """Return how far the stream is, how many events it has still to carry, and how long the oldest of them waits.

    `logReplaced` says that the lake holds events of another log, so that the stream cannot go on.
    """
    behind = max(0, project.log.end() - overlay.position)
    waiting = project.log.read(overlay.position, 1) if behind else []
    seconds = max(0, now - waiting[0].accepted_at) / SECOND if waiting else 0.0
    return {"position": overlay.position, "acceptedAt": _instant(overlay.accepted_at), "lagEvents": behind,
            "lagSeconds": round(seconds, 3),
            "logReplaced": not continues(project.log, overlay.position, overlay.accepted_at)}


def _instant(instant: Instant | None) -> str | None:
    return format_instant(instant) if instant else None

"""Schedules: what starts a refresh by itself, in words, with its next times."""

from functools import partial
from typing import Any

from overtide.schemas.errors import OvertideError, UsageError
from overtide.serving.operations.contract import Reply
from overtide.serving.pages.cron_words import cron_words
from overtide.serving.pages.page import Page, Visit
from overtide.serving.pages.refreshes import MAIN

USUAL = "30 2 * * MON-FRI"
KEPT = ("operationType", "identifiers", "timezoneId", "cronSchedules", "isActive", "scheduleId")
"""Members of a schedule that are sent back where one of them changes."""


async def schedules(visit: Visit) -> Reply:
    """List the schedules, and ask for a new one, or for how one of them is to be."""
    return await _shown(visit)


async def _shown(visit: Visit, error: OvertideError | None = None) -> Reply:
    found = await visit.ask("Get-workflow-schedules", MAIN)
    zones = await visit.ask("Get-supported-timezones", MAIN)
    wanted = visit.form.get("schedule") or visit.query.get("change")
    changed = next((one for one in found if one["scheduleId"] == wanted), None)
    zone, cron = visit.preferences.zone.key, USUAL
    if changed is not None:
        zone, cron = changed["timezoneId"], "; ".join(changed["cronSchedules"])
    return visit.shown(
        "schedules.html",
        200 if error is None else error.status,
        schedules=[{**one, "words": _words(visit, one["cronSchedules"])} for one in found],
        zones=zones,
        zone=visit.form.get("zone") or zone,
        cron=visit.form.get("cron", cron),
        changed=changed,
        error=error,
    )


def _words(visit: Visit, expressions: list[str]) -> list[str | None]:
    say = partial(visit.text)
    return [cron_words(one, visit.preferences.language, say) for one in expressions]


async def preview(visit: Visit) -> Reply:
    """Say in words when a schedule that is being written would be due, or what is wrong with it."""
    cron, zone = visit.query.get("cron", ""), visit.query.get("zone", "")
    times: list[str] = []
    error = None
    if cron.strip():
        try:
            asked = {"cronSchedules": cron, "timezoneId": zone}
            times = await visit.ask("Get-next-times-of-a-schedule", MAIN, asked)
        except UsageError as refused:
            error = refused
    words = [] if error else [one for one in _words(visit, cron.split(";")) if one]
    return visit.shown("_schedule_preview.html", words=words, times=times, error=error)


async def create(visit: Visit) -> Reply:
    """Make a schedule, or change one; what is wrong with it is said beside its form."""
    expressions = [one.strip() for one in visit.form.get("cron", "").split(";") if one.strip()]
    wanted = await _kept(visit, visit.form.get("schedule", ""))
    wanted |= {"cronSchedules": expressions, "timezoneId": visit.form.get("zone") or "UTC"}
    try:
        await visit.ask("Create-workflow-refresh-schedule", MAIN, None, wanted)
    except UsageError as error:
        return await _shown(visit, error)
    return visit.leading("/refreshes/schedules")


async def switch(visit: Visit) -> Reply:
    """Pause a schedule, or let it go on."""
    wanted = await _kept(visit, visit.path["scheduleId"])
    if wanted:
        wanted["isActive"] = visit.form.get("active") == "true"
        await visit.ask("Create-workflow-refresh-schedule", MAIN, None, wanted)
    return visit.leading("/refreshes/schedules")


async def _kept(visit: Visit, schedule: str) -> dict[str, Any]:
    """Return what a schedule is sent back with where some of it changes; nothing without one."""
    found = await visit.ask("Get-workflow-schedules", MAIN) if schedule else []
    known: dict[str, Any] = next((one for one in found if one["scheduleId"] == schedule), {})
    return {name: known[name] for name in KEPT if name in known}


async def delete(visit: Visit) -> Reply:
    """End a schedule."""
    path = {**MAIN, "scheduleId": visit.path["scheduleId"]}
    await visit.ask("Delete-workflow-refresh-schedule", path)
    return visit.leading("/refreshes/schedules")


PAGES = (
    Page("GET", "/refreshes/schedules", schedules),
    Page("GET", "/refreshes/schedules/preview", preview),
    Page("POST", "/refreshes/schedules", create),
    Page("POST", "/refreshes/schedules/{scheduleId}/switch", switch),
    Page("POST", "/refreshes/schedules/{scheduleId}/delete", delete),
)

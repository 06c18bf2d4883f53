"""Refreshes: what ran and what it changed, what runs now, why one failed; start and cancel."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from overtide.serving.operations.contract import Reply
from overtide.serving.pages.formats import exact_instant
from overtide.serving.pages.page import Page, Visit

MAIN = {"workflowName": "main"}
MOST = 25
OVER = ("successful", "failed", "aborted")
Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Refresh:
    """One refresh: the job that ran it, where one did, and the run that it published, if any."""

    job: Document | None
    run: Document | None

    @property
    def at(self) -> str:
        """When it ended; when it was submitted where it has not."""
        if self.job is not None:
            return str(self.job["endTimestamp"] or self.job["submittedTimestamp"])
        return str(self.run["publishedAt"]) if self.run else ""

    @property
    def state(self) -> str:
        """Its state, as the product calls it."""
        return "successful" if self.job is None else str(self.job["jobStatus"])

    @property
    def seconds(self) -> float | None:
        """How long it ran."""
        if self.run is not None and self.run["seconds"] is not None:
            return float(self.run["seconds"])
        return None if self.job is None else lasting(self.job)


def lasting(job: Document) -> float | None:
    """Return how many seconds a job ran, None while it does, or where it never began."""
    begun, ended = (exact_instant(str(job[name])) for name in ("startTimestamp", "endTimestamp"))
    return None if begun is None or ended is None else (ended - begun) / dt.timedelta(seconds=1)


def refreshes_of(jobs: Sequence[Document], runs: Sequence[Document]) -> list[Refresh]:
    """Return jobs with what they published, and runs that no job made, the latest first."""
    by_number = {one["run"]: one for one in runs}
    made = {one["run"] for one in jobs}
    found = [Refresh(job, by_number.get(job["run"])) for job in jobs if job["jobStatus"] in OVER]
    oldest = min((one.at for one in found), default="")
    alone = [Refresh(None, one) for one in runs if one["run"] not in made]
    if len(jobs) == MOST:  # what is older than the jobs shown may be of one that is not
        alone = [one for one in alone if one.at >= oldest]
    return sorted([*found, *alone], key=lambda one: one.at, reverse=True)


def current_of(jobs: Sequence[Document]) -> Document | None:
    """Return the job that runs, else the one that waits first."""
    for state in ("running", "queued"):
        for job in reversed(jobs):
            if job["jobStatus"] == state:
                return job
    return None


async def refreshes(visit: Visit) -> Reply:
    """Show what ran and what runs."""
    jobs, runs = await _jobs(visit), await _runs(visit)
    return visit.shown(
        "refreshes.html",
        refreshes=refreshes_of(jobs, runs),
        job=current_of(jobs),
        published=bool(runs),
    )


async def _jobs(visit: Visit) -> Sequence[Document]:
    asked = {"top": str(MOST), "includeTasks": "true"}
    found: Sequence[Document] = await visit.ask("Get-list-of-recent-workflow-jobs", MAIN, asked)
    return found


async def _runs(visit: Visit) -> Sequence[Document]:
    found: Sequence[Document] = await visit.ask("Get-all-runs", None, {"top": str(MOST)})
    return found


async def now(visit: Visit) -> Reply:
    """Show how far the refresh is that runs; once none does, let the page show what came of it."""
    job = current_of(await _jobs(visit))
    ended = {"HX-Trigger": "refresh-ended"} if job is None and "was" in visit.query else {}
    return visit.shown("_refresh_now.html", headers=ended, job=job)


async def listed(visit: Visit) -> Reply:
    """Show the list alone, anew."""
    jobs, runs = await _jobs(visit), await _runs(visit)
    return visit.shown("_refresh_list.html", refreshes=refreshes_of(jobs, runs))


async def start(visit: Visit) -> Reply:
    """Start a refresh, and go on where it was started."""
    await visit.ask("Submit-a-workflow-job", MAIN)
    place = visit.form.get("next", "")
    own = place.startswith("/refreshes") and place.isascii() and place.isprintable()
    return visit.leading(place if own else "/refreshes")


async def cancel(visit: Visit) -> Reply:
    """End a job."""
    await visit.ask("Cancel-a-workflow-job", {**MAIN, "jobId": visit.path["jobId"]})
    return visit.leading("/refreshes")


async def run(visit: Visit) -> Reply:
    """Show one run: what became of every entity's rows, which rules joined, how long it took."""
    found = await visit.ask("Get-a-run", {"run": visit.path["run"]})
    return visit.shown("run.html", run=found, manifest=found["manifest"])


async def job(visit: Visit) -> Reply:
    """Show one job: its stages, and why it failed, with the rows that are to blame."""
    path = {**MAIN, "jobId": visit.path["jobId"]}
    found = await visit.ask("Get-a-workflow-job-information", path, {"includeTasks": "true"})
    return visit.shown("job.html", job=found, seconds_of=lasting(found))


PAGES = (
    Page("GET", "/refreshes", refreshes),
    Page("GET", "/refreshes/now", now),
    Page("GET", "/refreshes/list", listed),
    Page("POST", "/refreshes/start", start),
    Page("GET", "/refreshes/runs/{run}", run),
    Page("GET", "/refreshes/jobs/{jobId}", job),
    Page("POST", "/refreshes/jobs/{jobId}/cancel", cancel),
)

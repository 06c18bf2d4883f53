"""Jobs and schedules on the command line, and a job whose process died behind its publish."""

import os
from uuid import UUID

import pytest

from overtide.job_process import NICENESS, job_process
from overtide.project import EMBEDDED, Project
from overtide.refreshing import refreshed
from overtide.schemas.progress import silent
from overtide.service import workflows_of
from overtide.serving.webhooks.events import Event, Known, Standing, news
from overtide.serving.workflows.job import Status, Submission
from tests.command_line import call, expect_refusal


def test_a_job_is_submitted_shown_run_and_listed(project_folder, run, text):
    assert run("jobs", "list") == {"jobs": []}
    assert text("jobs", "list") == "There are no jobs yet.\n"
    job = run("jobs", "submit")
    assert (job["status"], job["origin"], run("jobs", "submit")["id"]) == (
        "queued",
        "command",
        job["id"],
    )
    done = run("jobs", "run", job["id"])
    assert (done["status"], done["run"]) == ("successful", 2)
    stages = {one["stage"]: one["status"] for one in run("jobs", "show", job["id"])["tasks"]}
    assert stages["publish"] == "successful"
    assert f"The job {job['id']} is successful, run 2 is published." in text(
        "jobs", "show", job["id"]
    )
    assert run("jobs", "cancel", job["id"])["status"] == "successful"
    assert job["id"] in text("jobs", "list")
    again = call("-C", project_folder, "jobs", "run", job["id"])
    expect_refusal(again, 1, "is successful")


def test_a_job_that_fails_says_why_to_whoever_looks(project_folder, run):
    (project_folder / "overtide.yaml").write_text("instance: {}\n")
    with Project(project_folder) as project:
        job = workflows_of(project).jobs.submit(Submission("ann", "api"))
        assert run("jobs", "run", job.id, code=2)["error"]["code"] == "invalid_configuration"
        ended = workflows_of(project).jobs.get(job.id)
    assert ended.status is Status.FAILED
    assert ended.error is not None
    assert ended.error["code"] == "invalid_configuration"


def test_a_refresh_that_fails_by_hand_is_told_as_a_job_is(project_folder, run):
    (project_folder / "overtide.yaml").write_text("instance: {}\n")
    assert run("refresh", code=2)["error"]["code"] == "invalid_configuration"
    assert not (project_folder / "workflows").exists()  # nobody is told of any job here
    assert run("jobs", "submit")["status"] == "queued"
    assert run("refresh", code=2)["error"]["code"] == "invalid_configuration"
    with Project(project_folder) as project:
        (failed,) = workflows_of(project).jobs.all_of(Status.FAILED)
        (message,) = news(Standing(None, [failed]), Known(), str(UUID(int=0)))
    assert (failed.submission.origin, message.event) == ("command", Event.REFRESH_FAILED)
    assert message.data["errorCode"] == "invalid_configuration"


def test_a_job_whose_process_died_behind_its_publish_was_a_success(project_folder):
    with Project(project_folder) as project:
        workflows = workflows_of(project)
        job = workflows.jobs.submit(Submission("ann", "api"))
        with workflows.running(job.id):
            refreshed(project, EMBEDDED, silent, job=job.id)
        project.refresh()  # another one, by hand
        assert workflows.settle() is None
        ended = workflows.jobs.get(job.id)
    assert (ended.status, ended.run, ended.error) == (Status.SUCCESSFUL, 2, None)


def test_a_schedule_is_created_listed_and_deleted(run, text):
    assert text("schedule", "list") == "There are no schedules yet.\n"
    words = ("--cron", "30 2 * * *", "--cron", "0 12 * * SAT", "--time-zone", "Tokyo Standard Time")
    made = run("schedule", "create", *words)
    assert (made["timeZone"], made["cron"]) == (
        "Tokyo Standard Time",
        ["30 2 * * *", "0 12 * * SAT"],
    )
    assert run("schedule", "list") == {"schedules": [made]}
    assert made["id"] in text("schedule", "list")
    assert run("schedule", "delete", made["id"])["deleted"]
    assert run("schedule", "list") == {"schedules": []}


@pytest.mark.parametrize(
    ("words", "code", "part"),
    [
        (("jobs", "show"), 2, "takes an id"),
        (("jobs", "list", "x"), 2, "takes no id"),
        (("jobs", "show", "x"), 1, "There is no job 'x'"),
        (("jobs", "run", "x"), 1, "There is no job 'x'"),
        (("jobs", "begin"), 2, "begin"),
        (("schedule", "create"), 2, "cron expressions are expected"),
        (("schedule", "create", "--cron", "daily"), 2, "'daily' is no cron expression"),
        (("schedule", "create", "--cron", "* * * * *", "--time-zone", "Mars"), 2, "'Mars'"),
        (("schedule", "delete", "x"), 1, "There is no schedule 'x'"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(project_folder, words, code, part):
    expect_refusal(call("-C", project_folder, *words), code, part)


def test_a_job_gives_way_to_the_service_that_began_it(tmp_path):
    process = job_process(tmp_path, "x")
    given = os.getpriority(os.PRIO_PROCESS, process.pid)
    assert process.wait() != 0  # there is no project
    assert given == min(19, os.getpriority(os.PRIO_PROCESS, 0) + NICENESS)

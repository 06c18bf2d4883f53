"""Errors never change, are whole in another process, and are caught by their kind alone."""

import copy
import pickle
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from overtide.cli import answering
from overtide.cli.output import Output
from overtide.eventlog import decisions
from overtide.lake import base_of_run, stand_in, standing
from overtide.lake.base_of_run import Lake
from overtide.pipelines import realtime
from overtide.project import Project
from overtide.schemas.errors import (
    ConfigurationError,
    CorruptError,
    FailedError,
    GenerationError,
    InvalidValueError,
    NotFoundError,
    OvertideError,
    ReplacedLogError,
    UnavailableError,
)
from overtide.schemas.mistakes import Mistake
from overtide.serving import acceptance, reader
from tests import shop

DETAIL = InvalidValueError("invalid_value", "Bad.", "Day")
ERRORS = [
    NotFoundError("no_lake", "None.", "a", "Make one.", (DETAIL,)),
    Mistake("empty", "Empty.", file="f.yaml", line=3, severity="note"),
]
REST = FailedError("of_another_kind", "Nobody meant this.")
ORDER = {"OrderId": "7", "AccountId": "1", "PlacedAt": "2027-01-01T00:00:00Z", "Item": "Mug"}


@pytest.mark.parametrize(
    "name", ["code", "message", "target", "hint", "details", "status", "exit_code"]
)
@pytest.mark.parametrize("error", ERRORS)
def test_an_error_never_changes(error, name):
    before = getattr(error, name)
    with pytest.raises(AttributeError, match=f"{name} of an? {type(error).__name__} cannot be"):
        setattr(error, name, "other")
    assert getattr(error, name) == before


def test_python_notes_on_an_error_what_it_needs():
    @contextmanager
    def block():
        yield

    with pytest.raises(NotFoundError) as caught, block():
        raise replace(ERRORS[0]) from DETAIL
    assert (caught.value.__cause__, caught.value == ERRORS[0]) == (DETAIL, True)


def test_a_copy_says_something_else_and_stays_in_its_family():
    about, advising = ERRORS[0].about("b"), ERRORS[0].advising("Wait.")
    assert (about.target, advising.hint, ERRORS[0].target) == ("b", "Wait.", "a")
    assert (type(about), about.details, about.status) == (NotFoundError, (DETAIL,), 404)
    assert replace(ERRORS[1], severity="mistake").line == 3


@pytest.mark.parametrize("error", ERRORS)
def test_an_error_is_whole_in_another_process(error):
    sent = pickle.loads(pickle.dumps(error))  # noqa: S301 - what this test wrote itself
    assert [sent, copy.copy(error)] == [error, error]


# ---- what catches a kind lets the rest through


def raising(error: OvertideError) -> Callable[..., Any]:
    def call(*_arguments: object, **_options: object) -> Any:
        raise replace(error)

    return call


def rest(call: Callable[..., object], *arguments: object, **options: object) -> bool:
    with pytest.raises(OvertideError) as caught:
        call(*arguments, **options)
    return caught.value == REST


@pytest.fixture
def project(project_folder):
    with Project(project_folder) as project:
        yield project


def test_the_lake_stands_in_for_a_generation_that_cannot_be_read_and_for_nothing_else(
    project, monkeypatch
):
    key, publish = (shop.CONTACTS, "1"), project.reader.published()
    whole = project.get(key=key).fields
    project.reader._serves = ("", None)
    monkeypatch.setattr(reader, "open_generation", raising(GenerationError("lost", "Lost.")))
    assert (project.get(key=key).fields, project.reader._kept(publish)) == (whole, None)
    project.reader._serves = ("", None)
    monkeypatch.setattr(reader, "open_generation", raising(REST))
    assert rest(project.get, key=key)
    assert rest(project.reader._kept, publish)


def test_a_lake_that_cannot_be_read_is_none_of_an_earlier_version(project):
    path = project.paths.generation("run000001")
    with pytest.raises(GenerationError):
        stand_in.documents_of(SimpleNamespace(query=lambda *_: []), 1, path)
    with pytest.raises(UnavailableError, match="unreadable"):
        stand_in.documents_of(
            SimpleNamespace(query=raising(UnavailableError("x", "It is unreadable."))), 1, path
        )


def test_a_question_to_the_lake_is_asked_again_where_it_cannot_be_read_just_now(
    project, monkeypatch
):
    asked = []

    def failing(error):
        return lambda *_: asked.append(error) or raising(error)()

    for error, times in ((UnavailableError("x", "Busy."), base_of_run.ATTEMPTS), (REST, 1)):
        monkeypatch.setattr(base_of_run, "connect", failing(error))
        with pytest.raises(type(error)):
            Lake(project.paths).query("SELECT 1")
        assert asked.count(error) == times


def test_a_catalog_is_finished_where_it_cannot_be_read_alone(project, monkeypatch):
    def opened(error):
        return lambda paths, read_only=True, threads=None: (
            raising(error)()
            if read_only
            else published_connect(paths, read_only=False, threads=threads)
        )

    published_connect = standing.connect
    monkeypatch.setattr(standing, "connect", opened(UnavailableError("x", "Half made.")))
    assert standing._named_by_catalog(project.paths).publish.run == 1
    monkeypatch.setattr(standing, "connect", opened(REST))
    assert rest(standing._named_by_catalog, project.paths)


def test_status_says_that_nothing_serves_where_nothing_can(project, monkeypatch):
    monkeypatch.setattr(project.reader, "current", raising(GenerationError("lost", "Lost.")))
    assert project.status()["published"]["servedFrom"] == "nothing"
    monkeypatch.setattr(project.reader, "current", raising(REST))
    assert rest(project.status)


def test_what_reads_the_lake_alone_goes_on_without_the_log(project, monkeypatch):
    for error in (CorruptError("log_corrupt", "Bad."), UnavailableError("log_unwritable", "No.")):
        monkeypatch.setattr(project.reader, "now", raising(error))
        project.expect_same_log()
    monkeypatch.setattr(project.reader, "now", raising(ReplacedLogError("log_replaced", "Other.")))
    with pytest.raises(ReplacedLogError):
        project.expect_same_log()
    monkeypatch.setattr(project.reader, "now", raising(REST))
    assert rest(project.expect_same_log)


def test_a_lake_begins_anew_with_another_log_and_for_no_other_reason(project, monkeypatch):
    begun = []
    monkeypatch.setattr(realtime, "begin_anew", lambda *arguments: begun.append(arguments))
    damaged = CorruptError("log_corrupt", "Bad.")
    monkeypatch.setattr(realtime.Driver, "_expect_same_log", raising(damaged))
    with pytest.raises(CorruptError):
        project.stream(accept_log=True)
    assert begun == []


def test_events_are_carried_unchecked_where_a_generation_went_and_for_no_other_reason(
    project, monkeypatch
):
    realtime._types_of.cache_clear()
    monkeypatch.setattr(realtime, "open_generation", raising(GenerationError("lost", "Lost.")))
    assert realtime.profile_types(project.paths) is None
    monkeypatch.setattr(realtime, "open_generation", raising(REST))
    assert rest(realtime.profile_types, project.paths)


def test_a_row_is_refused_for_what_is_wrong_with_it_alone(project, monkeypatch):
    monkeypatch.setattr(acceptance.RecordCheck, "__call__", raising(DETAIL))
    assert project.post(shop.ORDERS, [ORDER])[0].refusal == DETAIL
    monkeypatch.setattr(acceptance.RecordCheck, "__call__", raising(REST))
    assert rest(project.post, shop.ORDERS, [ORDER])
    monkeypatch.undo()
    monkeypatch.setattr(decisions, "resolve", raising(REST))
    assert rest(project.post, shop.ORDERS, [ORDER])


def test_a_command_tells_itself_what_it_cannot_read(project, monkeypatch):
    unreadable = (
        ConfigurationError("empty", "Empty."),
        CorruptError("log_corrupt", "Bad."),
        ReplacedLogError("log_replaced", "Other."),
        UnavailableError("lake_unreadable", "No."),
    )
    for error in unreadable:
        monkeypatch.setattr(project, "clock_behind", raising(error))
        answering.warn(project, Output())
    monkeypatch.setattr(project, "clock_behind", raising(REST))
    assert rest(answering.warn, project, Output())

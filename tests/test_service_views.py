"""`api_usage` and `audit` in SQL: empty where nothing was counted, and never in the way."""

import pytest

from overtide.lake.session import open_session
from overtide.project import Project
from overtide.schemas.errors import OvertideError, UnavailableError
from overtide.schemas.service_tables import API_USAGE, AUDIT
from tests.served import publish_shop


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A published project that was never served."""
    folder = tmp_path_factory.mktemp("views")
    publish_shop(folder)
    with Project(folder) as found:
        yield found


def columns(project: Project, view: str) -> dict[str, str]:
    """Return the columns of a view with their types."""
    rows = project.sql(f"DESCRIBE {view}").to_pylist()
    long = "TIMESTAMP WITH TIME ZONE"
    return {row["column_name"]: row["column_type"].replace(long, "TIMESTAMPTZ") for row in rows}


@pytest.mark.parametrize("view", [API_USAGE, AUDIT], ids=lambda view: view.name)
def test_a_view_has_its_columns_also_where_nothing_is_there(project, view):
    declared = {column.name: column.type for column in view.columns}
    assert columns(project, view.name) == declared
    assert project.sql(f"SELECT count(*) AS n FROM {view.name}").to_pylist() == [{"n": 0}]


def test_a_view_has_the_same_columns_once_calls_are_counted(project):
    from overtide.serving.telemetry.audit import Audit, Change
    from overtide.serving.telemetry.observed import Observed

    service = project.service()
    before = {view: columns(project, view.name) for view in (API_USAGE, AUDIT)}
    service.telemetry.record(Observed("GET", "r", status=200))
    service.telemetry.flush()
    Audit(project.paths.audit, project.clock).record(Change("rename", "shop", {"a": 1}, None))
    assert {view: columns(project, view.name) for view in before} == before
    assert project.sql("SELECT Calls FROM api_usage").to_pylist() == [{"Calls": 1}]
    assert project.sql("SELECT count(*) AS n FROM api_usage").to_pylist() == [{"n": 1}]
    assert project.sql("SELECT Action, Before, After FROM audit").to_pylist() == [
        {"Action": "rename", "Before": '{"a": 1}', "After": None}
    ]
    joined = "SELECT count(*) AS n FROM audit a JOIN api_usage u ON true JOIN Customer c ON true"
    assert project.sql(joined).to_pylist() == [{"n": 2}]


def test_the_files_are_read_through_the_views_alone(project):
    for query in (
        f"SELECT * FROM sqlite_scan('{project.paths.usage}', 'usage')",
        f"ATTACH '{project.paths.usage}' AS mine (TYPE sqlite)",
        "DELETE FROM overtide_usage.usage",
    ):
        with pytest.raises(OvertideError, match="read"):
            project.sql(query)


def test_a_name_of_one_s_own_is_one_s_own(project):
    query = "WITH audit AS (SELECT 1 AS api_usage) SELECT api_usage FROM audit"
    assert project.sql(query).to_pylist() == [{"api_usage": 1}]


def test_a_file_that_is_damaged_is_named_and_hinders_nothing_else(project):
    path = project.paths.usage
    saved = path.read_bytes()
    path.write_bytes(b"this is no database" * 1000)
    try:
        with pytest.raises(UnavailableError, match=r"usage\.sqlite"):
            project.sql("SELECT * FROM api_usage")
        assert project.sql("SELECT count(*) AS n FROM Customer").to_pylist() == [{"n": 2}]
    finally:
        path.write_bytes(saved)


def test_a_session_is_asked_more_than_once(project):
    from overtide.lake.session import arrow_rows, run_query

    connection = open_session(project.paths)
    for _ in range(2):
        found = run_query(connection, "FROM api_usage", arrow_rows, paths=project.paths)
        assert found.num_rows == 1
    connection.close()

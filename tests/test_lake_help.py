"""Tables, views and macros of the lake say what they are."""

from small_lake import PROFILE, SmallLake, customer_id, sql

from overtide.lake.views import (
    MACROS,
    OVERLAY_STATE,
    UNIFIED_ACTIVITY_LIVE,
    documented_tables,
    help_rows,
)
from overtide.schemas.table import ProfileField
from tests.lake_with_ann import lake

__all__ = ["lake"]


def test_columns_named_like_parameters_and_keywords(tmp_path):
    names = ("t", "k", "Value", "Field", "r", "select", 'quo"te')
    profile = (PROFILE[0], *(ProfileField(name, "string", True) for name in names), PROFILE[-1])
    lake = SmallLake.create(tmp_path, profile)
    lake.insert("Customer", CustomerId=customer_id(1), FirstRun=1)
    lake.publish(1, 100, profile)
    lake.update(1, accepted=150, fields={name: f"new {name}" for name in names})
    lake.stream()
    row = lake.query(f"FROM lake.customer_as_of({sql(200)}, {sql(200)})")[0]
    assert row == (customer_id(1), *(f"new {name}" for name in names), None)


def test_everything_carries_a_comment(lake):
    names = {table.name for table in documented_tables(PROFILE)}
    commented = dict(
        lake.query("""SELECT table_name, comment FROM duckdb_tables() WHERE database_name = 'lake'
                                   UNION ALL SELECT view_name, comment FROM duckdb_views()
                                   WHERE database_name = 'lake' AND NOT internal""")
    )
    written_by_the_refresh = {
        "Customer",
        "UnifiedActivity",
        "AlternateKey",
        "VanishedKey",
        "RelatedKey",
        "HiddenActivity",
        "IdentityAlias",
        "Registry",
        "Departure",
        "Identity",
        "runs",
        "ConflationMatchPairs",
        "DeduplicationPairs",
        "ClusterPairs",
        "ClusterRegistry",
        "oversized_blocks",
        "ignored_values",
        "MatchBlock",
        "MatchValue",
        "DecidedPairs",
        "serving_meta",
    }
    written_by_the_refresh |= {f"{name}_history" for name in written_by_the_refresh}
    assert [name for name in names - written_by_the_refresh if not commented[name]] == []
    assert all(
        commented[name]
        for name in ("Customer_live", UNIFIED_ACTIVITY_LIVE.name, OVERLAY_STATE.name)
    )
    assert "Field: column of Customer that it overrides" in commented["updates"].splitlines()


def test_help_describes_what_there_is(lake):
    assert lake.query("SELECT * FROM lake.lake_help") == help_rows(PROFILE, [])
    macros = lake.query(
        "SELECT function_name, parameters FROM duckdb_functions() WHERE database_name = 'lake'"
    )
    assert dict(macros) == {macro.name: list(macro.parameters) for macro in MACROS}

"""Which records represent an entity in a customer: the one that wins, and those of attributes.

Source of the rules: semantics 4.8.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from overtide.schemas.names import quoted
from overtide.transforms.keys import preference
from overtide.transforms.records import RECORD, Unified

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MEMBERS = """
    SELECT member.*, loser.record IS NULL AS winner FROM member LEFT JOIN loser USING (record)"""


def mark_winners(connection: "DuckDBPyConnection", entities: Sequence[Unified]) -> None:
    """Create `loser`: records that come behind another of their entity and customer.

    And `several`.
    """
    find_several(connection)
    ranked = [
        f"""
        SELECT member.record, row_number() OVER (PARTITION BY member.cluster
            ORDER BY {_order(unified)}) AS rank
        FROM {_several(unified)}"""
        for unified in entities
    ]
    connection.execute(
        f"CREATE TEMP TABLE loser AS SELECT record FROM ({' UNION ALL '.join(ranked)}) WHERE rank "
        "> 1"
    )


def find_several(connection: "DuckDBPyConnection") -> None:
    """Create `several` (cluster, place): where there are several records of an entity."""
    connection.execute("""
        CREATE TEMP TABLE several AS
        SELECT cluster, place FROM member GROUP BY cluster, place HAVING count(*) > 1""")


def choose_records(connection: "DuckDBPyConnection", entities: Sequence[Unified]) -> None:
    """Create `chosen` (cluster, place, choice, record): which record gives attributes of its own.

    Of each preference of attributes, the one that it prefers of those with a value in any; where
    there are several records and one has a value.
    """
    connection.execute("""
        CREATE TEMP TABLE chosen AS
        SELECT cluster, place, NULL::INTEGER AS choice, record FROM member LIMIT 0""")
    for query in _choices(entities):
        connection.execute(f"INSERT INTO chosen {query}")


def _choices(entities: Sequence[Unified]) -> Iterator[str]:
    for unified in entities:
        for choice, prefer in enumerate(unified.options.deduplicate.per_attribute):
            names = prefer.attributes
            some = " OR ".join(f"source.{quoted(name)} IS NOT NULL" for name in names)
            order = f"{preference(prefer, names, 'source.')}, {_order(unified)}"
            yield f"""
                SELECT member.cluster, {unified.place}, {choice}, member.record
                FROM {_several(unified)} WHERE {some}
                QUALIFY row_number() OVER (PARTITION BY member.cluster ORDER BY {order}) = 1"""


def _order(unified: Unified) -> str:
    """Return the ORDER BY terms that put the record that wins first."""
    prefer, names = unified.options.deduplicate.prefer, list(unified.entity.attributes)
    return (
        f"{preference(prefer, names, 'source.')}, source.{quoted(unified.entity.primary_key)} DESC"
    )


def _several(unified: Unified) -> str:
    """Return the SQL of the records that are not the only ones of their entity and customer."""
    return f"""
        (FROM member SEMI JOIN several USING (cluster, place) WHERE place = {unified.place})
        AS member JOIN ({unified.records}) AS source ON source.{RECORD} = member.record"""


def represented(entities: Sequence[Unified], members: str) -> str:
    """Return the SQL of the records that represent each entity in each cluster of `members`.

    The columns are cluster and those of `Unified.representatives`; `members` has cluster, place,
    record and winner.
    """
    winners = ", ".join(
        f"max(record) FILTER (winner AND place = {unified.place}) AS {unified.representing()}"
        for unified in entities
    )
    won = f"SELECT cluster, {winners} FROM ({members}) GROUP BY cluster"
    choices = [
        (unified.place, unified.representing(), choice, unified.representing(choice))
        for unified in entities
        for choice in range(len(unified.options.deduplicate.per_attribute))
    ]
    if not choices:
        return won
    own = ", ".join(
        f"max(record) FILTER (place = {place} AND choice = {choice}) AS own_{record}"
        for place, _, choice, record in choices
    )
    given = ", ".join(
        f"coalesce(own_{record}, {winner}) AS {record}" for _, winner, _, record in choices
    )
    names = ", ".join(unified.representing() for unified in entities)
    return (
        f"SELECT cluster, {names}, {given} FROM ({won}) "
        f"LEFT JOIN (SELECT cluster, {own} FROM chosen GROUP BY cluster) USING (cluster)"
    )

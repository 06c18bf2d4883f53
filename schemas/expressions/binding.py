"""Whether DuckDB can compute an expression: what only it knows, such as regular expressions."""

COLUMN = "given_text"
"""The column that stands for all of a row's texts."""


def tried_sql(text: str, fails: bool = True) -> str:
    """Return the SQL of a struct of an expression's text, null where it cannot be computed.

    Of what is within a lambda DuckDB computes nothing before, where nothing would catch a fault.
    What never `fails` needs none, and takes half as long.
    """
    if not fails:
        return f"{{'v': {text}}}"
    return f"list_transform([true], lambda tried: TRY({{'v': {text}}}))[1]"


def bind_fault(sql: str) -> str | None:
    """Say why the SQL of an expression cannot be computed, None where it can."""
    import duckdb

    with duckdb.connect(config={"threads": 1, "enable_external_access": False}) as connection:
        connection.create_function("typed_alone", _first, ["VARCHAR", "VARCHAR"], "VARCHAR")
        try:
            connection.execute(f"SELECT {tried_sql(sql)} FROM (SELECT ? AS {COLUMN})", ["x"])
        except duckdb.Error as error:
            return str(error).partition(": ")[2].partition("\n")[0].strip().rstrip(".")
    return None


def _first(text: str, _: str) -> str:
    return text

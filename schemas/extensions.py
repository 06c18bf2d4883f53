"""Extensions of DuckDB, which come from Python packages: nothing is downloaded at run time."""

import importlib.util
from pathlib import Path

from overtide.schemas.errors import SetupError


def extension(name: str, extra: str | None = None) -> Path:
    """Return the file of an extension that was installed as a Python package.

    Raise `extension_missing` where it was not; it comes with the `extra` of this package, if any.
    """
    found = importlib.util.find_spec(f"duckdb_extension_{name}")
    if found is None or found.origin is None:
        package = f"overtide[{extra}]" if extra else f"duckdb-extension-{name.replace('_', '-')}"
        raise SetupError(
            "extension_missing",
            f"The DuckDB extension {name} is not installed.",
            name,
            f"Install the package {package}.",
        )
    files = sorted(Path(found.origin).parent.glob(f"extensions/*/{name}.duckdb_extension"))
    return files[-1]

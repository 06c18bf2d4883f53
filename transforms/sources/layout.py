"""How one source file is laid out: which columns it has, and where they stand."""

from pathlib import Path

from overtide.schemas.configuration.entities import Entity
from overtide.schemas.errors import SourceError
from overtide.transforms.sources.contents import UnreadableError, encoding_of, head, unreadable
from overtide.transforms.sources.contract import Layout
from overtide.transforms.sources.formats import format_of


def layout_of(file: Path, shown: str, entity: Entity) -> Layout:
    """Return how a file is laid out; raise `empty_file` or `unreadable_file` of `shown`."""
    try:
        layout = format_of(entity).layout(file, entity)
    except UnreadableError as error:
        raise unreadable(shown, error.what, error.hint) from None
    except UnicodeError:
        encoding = encoding_of(head(file), entity.encoding)
        raise unreadable(shown, f"is not {encoding}", "Correct `encoding` of the entity.") from None
    except OSError as error:
        raise unreadable(
            shown, f"cannot be read ({error.strerror})", "Check the file and its permissions."
        ) from None
    if not layout.columns:
        raise SourceError(
            "empty_file", f"{shown} has no columns: it is empty.", shown, "Correct or remove it."
        )
    return layout

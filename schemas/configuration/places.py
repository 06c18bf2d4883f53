"""The sections `lake` and `event_log`: where they are."""

from typing import Annotated

from pydantic import Field

from overtide.schemas.configuration.checking import Checking
from overtide.schemas.configuration.model import Model, Text
from overtide.schemas.instants import HISTORY_DAYS


class Lake(Model):
    """Where the lake is; relative paths are within the project's folder."""

    catalog: Text = Field(
        default="lake/catalog.sqlite",
        examples=["/srv/lake/catalog.sqlite"],
        description="the catalog's file; its locks and generations are in `catalog.sqlite.files`",
    )
    data: Text = Field(
        default="lake/data",
        description="the folder of the Parquet files",
        examples=["/srv/lake/data"],
    )
    keep_generations: Annotated[int, Field(ge=1)] = Field(
        default=2, description="how many published file generations a refresh keeps", examples=[3]
    )
    history_days: Annotated[int, Field(ge=1)] = Field(
        default=HISTORY_DAYS,
        description="how many days back an instant may be asked for",
        examples=[90],
    )


class EventLog(Model):
    """Where accepted events are kept."""

    path: Text = Field(
        default="log/events.sqlite",
        description="the file of the event log",
        examples=["/srv/log/events.sqlite"],
    )


def check_places(checking: Checking, lake: Lake, event_log: EventLog) -> None:
    """Check that the catalog, the data and the log do not lie upon each other."""
    places = {
        ("lake", "catalog"): lake.catalog,
        ("lake", "data"): lake.data,
        ("event_log", "path"): event_log.path,
    }
    checking.unique(
        ((place.rstrip("/"), path) for path, place in places.items()),
        "places of the lake and the log",
    )

"""Every error code, with what it means and what to do about it."""

from overtide.schemas.error_codes import (
    of_change,
    of_command,
    of_configuration,
    of_read,
    of_refresh,
    of_service,
    of_storage,
)
from overtide.schemas.error_codes.explained import Explained

AREAS = (of_command, of_configuration, of_refresh, of_change, of_read, of_storage, of_service)
CODES: dict[str, Explained] = dict(sorted(one for area in AREAS for one in area.CODES.items()))
"""By code."""

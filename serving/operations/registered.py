"""Every operation of the service."""

from overtide.serving.operations import (
    batch,
    create_entity,
    customers,
    instances,
    live,
    search_index,
    tables,
    update_entity,
)
from overtide.serving.operations.contract import Operation

OPERATIONS: tuple[Operation, ...] = (
    *instances.OPERATIONS,
    *customers.OPERATIONS,
    *live.OPERATIONS,
    *tables.OPERATIONS,
    *search_index.OPERATIONS,
    *create_entity.OPERATIONS,
    *batch.OPERATIONS,
    *update_entity.OPERATIONS,
)

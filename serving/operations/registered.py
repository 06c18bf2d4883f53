"""Every operation of the service."""

from overtide.serving.operations import (
    batch,
    create_entity,
    customers,
    instances,
    live,
    update_entity,
    usage,
)
from overtide.serving.operations.contract import Operation

OPERATIONS: tuple[Operation, ...] = (
    *instances.OPERATIONS,
    *customers.OPERATIONS,
    *live.OPERATIONS,
    *create_entity.OPERATIONS,
    *batch.OPERATIONS,
    *update_entity.OPERATIONS,
    *usage.OPERATIONS,
)

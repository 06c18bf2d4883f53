"""Every operation of the service."""

from overtide.serving.operations import (
    create_entity,
    customers,
    instances,
    schedules,
    update_entity,
    workflows,
)
from overtide.serving.operations.contract import Operation

OPERATIONS: tuple[Operation, ...] = (
    *instances.OPERATIONS,
    *customers.OPERATIONS,
    *create_entity.OPERATIONS,
    *update_entity.OPERATIONS,
    *workflows.OPERATIONS,
    *schedules.OPERATIONS,
)

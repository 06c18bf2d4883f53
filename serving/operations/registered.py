"""Every operation of the service."""

from overtide.serving.operations import (
    create_entity,
    customers,
    instances,
    rbac,
    subscription_keys,
    update_entity,
)
from overtide.serving.operations.contract import Operation

OPERATIONS: tuple[Operation, ...] = (
    *instances.OPERATIONS,
    *rbac.OPERATIONS,
    *subscription_keys.OPERATIONS,
    *customers.OPERATIONS,
    *create_entity.OPERATIONS,
    *update_entity.OPERATIONS,
)

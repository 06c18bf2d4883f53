"""Every operation of the service."""

from overtide.serving.operations import (
    batch,
    create_entity,
    customers,
    data_profiles,
    data_sources,
    entities,
    instances,
    live,
    not_offered,
    profile_store,
    rbac,
    schedules,
    search_index,
    subscription_keys,
    tables,
    update_entity,
    usage,
    workflows,
)
from overtide.serving.operations.contract import Operation

OPERATIONS: tuple[Operation, ...] = (
    *instances.OPERATIONS,
    *rbac.OPERATIONS,
    *subscription_keys.OPERATIONS,
    *customers.OPERATIONS,
    *live.OPERATIONS,
    *tables.OPERATIONS,
    *search_index.OPERATIONS,
    *create_entity.OPERATIONS,
    *batch.OPERATIONS,
    *update_entity.OPERATIONS,
    *entities.OPERATIONS,
    *data_sources.OPERATIONS,
    *data_profiles.OPERATIONS,
    *profile_store.OPERATIONS,
    *workflows.OPERATIONS,
    *schedules.OPERATIONS,
    *not_offered.OPERATIONS,
    *usage.OPERATIONS,
)

"""A small lake of one customer, Ann in Rome, published by run 1."""

import pytest
from small_lake import SmallLake, customer_id


@pytest.fixture
def lake(tmp_path):
    """One customer in Rome, published by run 1 at second 100."""
    made = SmallLake.create(tmp_path)
    made.insert(
        "Customer", CustomerId=customer_id(1), Name="Ann", City="Rome", Points=5, FirstRun=1
    )
    made.insert(
        "AlternateKey",
        EntityName="crm_people",
        PrimaryKey="a",
        CustomerId=customer_id(1),
        IsWinner=True,
        FirstRun=1,
    )
    made.insert(
        "AlternateKey",
        EntityName="crm_people",
        PrimaryKey="b",
        CustomerId=customer_id(1),
        IsWinner=False,
        FirstRun=1,
    )
    made.publish(1, 100)
    return made

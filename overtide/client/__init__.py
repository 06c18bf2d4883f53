"""A client of the HTTP service, to be used without and with `async`.

```python
from overtide.client import Client

with Client("http://127.0.0.1:8400", "ovt_…") as client:
    customer = client.find("Shop_Contacts", "4711")
    client.update(customer.id, {"Tier": "gold"}, valid_until="4h")
```

`AsyncClient` has the same methods to be awaited; those that give many things are iterated with
`async for`. A request that was not answered, or is answered 429 or 503, is sent again after a
while; a change has an idempotency key of its own then, so that it is accepted once. What the
service refuses is a `ServiceError`. It needs the extra `overtide[client]`.
"""

import importlib.util

if importlib.util.find_spec("httpx") is None:
    raise ImportError("The client needs httpx: `pip install 'overtide[client]'` installs it.")

from overtide.client.asynchronous import AsyncClient
from overtide.client.calls import Terms
from overtide.client.failures import ConnectionFailedError, ServiceError
from overtide.client.models import Accepted, Activity, Customer, Override, RowAnswer
from overtide.client.retries import Retries
from overtide.client.synchronous import Client
from overtide.client.workflows import Job, Schedule

__all__ = [
    "Accepted",
    "Activity",
    "AsyncClient",
    "Client",
    "ConnectionFailedError",
    "Customer",
    "Job",
    "Override",
    "Retries",
    "RowAnswer",
    "Schedule",
    "ServiceError",
    "Terms",
]

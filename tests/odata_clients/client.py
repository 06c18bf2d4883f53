"""Reads the service with python-odata, which no one here wrote; prints what it found as JSON."""

import json
import sys

import requests
from odata import ODataService


def main(url: str, token: str) -> None:
    """Read the metadata, then all customers, some, and one with its activities."""
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {token}"
    service = ODataService(url, session=session, reflect_entities=True, quiet_progress=True)
    customer = service.entities["Customer"]
    everyone = [one.CustomerId for one in service.query(customer)]
    some = service.query(customer).filter(customer.Points > 2).filter(customer.EMail.contains("p"))
    named = (
        service.query(customer).filter(customer.EMail == "p1@x").expand(customer.UnifiedActivity)
    )
    found = {
        "sets": sorted(service.entities),
        "everyone": everyone,
        "points": [one.Points for one in some.order_by(customer.Points.desc()).limit(3)],
        "spent": [str(one.Spent) for one in service.query(customer).filter(customer.Points == 2)],
        "titles": sorted(entry.Title for one in named for entry in one.UnifiedActivity),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Calls the service with the product's published client: run by an environment that has it.

Prints one JSON document: per call the class that the client made of the answer, and what it says.
"""

import json
import sys
from collections.abc import Callable
from typing import Any

from dynamics.customerinsights.api import CustomerInsights
from dynamics.customerinsights.api.models import OnDemandJobRequest, WorkflowRefreshSchedule


def main(url: str, token: str, instance: str) -> None:
    """Make every call and print what became of it."""
    client = CustomerInsights(base_url=url)
    sent = {"custom_headers": {"Authorization": f"Bearer {token}"}}
    found: dict[str, Any] = {}

    def ask(name: str, call: Callable[..., Any], *words: object, **more: object) -> Any:
        answer = call(*words, **more, **sent)
        whole = answer if isinstance(answer, list) else [answer]
        found[name] = [
            [type(one).__name__, one.serialize(keep_readonly=True) if one else None]
            for one in whole
        ]
        return answer

    instances(client, ask, instance)
    customer = changes(client, ask, instance)
    tables(client, ask, instance, customer)
    management(client, ask, instance)
    workflows(client, ask, instance)
    print(json.dumps(found))


def instances(client: CustomerInsights, ask: Callable[..., Any], instance: str) -> None:
    """Ask for the instance and its roles."""
    ask("instances", client.get_all_instances)
    ask("instance", client.get_instance_metadata, instance)
    ask("roles", client.get_all_role_definitions, instance)
    ask("my role", client.get_current_user_role, instance)
    ask("assignments", client.get_all_role_assignments, instance)


def changes(client: CustomerInsights, ask: Callable[..., Any], instance: str) -> str:
    """Find a customer, change it and add activities; return its id."""
    ring = ask("key ring", client.get_key_ring, instance, "Crm", "Contacts", "1")
    customer = ring.customer_id
    ask("types", client.get_activity_types_and_counts, instance, customer)
    order = {"OrderId": "c", "AccountId": "1", "PlacedAt": "2024-03-01T10:00:00Z", "Item": "Cup"}
    post, patch = client.create_an_entity, client.update_an_entity
    ask("created", post, instance, "Shop_Orders", body=json.dumps(order), caller="client")
    held = json.dumps({**order, "OrderId": "h", "AccountId": "?"})
    ask("held", post, instance, "Shop_Orders", body=held)
    other = json.dumps({**order, "Item": "Pan"})
    ask("conflict", post, instance, "Shop_Orders", body=other)
    ask("a dict", post, instance, "Shop_Orders", body={"a": 1})
    change = json.dumps({"Points": 9})
    ask("updated", patch, instance, "Customer", customer, body=change)
    ask("unknown", patch, instance, "Customer", "x/y", body=change)
    ask("wrong field", patch, instance, "Customer", customer, body=json.dumps({"Point": 9}))
    return str(customer)


def tables(client: CustomerInsights, ask: Callable[..., Any], instance: str, customer: str) -> None:
    """Read tables with OData."""
    read = client.get_entities_with_odata_path
    ask("read", read, instance, f"Customer('{customer}')")
    ask("rows", read, instance, "Customer", filter=f"CustomerId eq '{customer}'", top="5")
    ask("within", read, instance, "Customer?$filter=Crm_Contacts_ContactId eq '1'")
    expanded = {"expand": "UnifiedActivity", "select": "EMail,Points", "orderby": "Points desc"}
    ask("expanded", read, instance, "Customer", filter="Points eq 9", skip="0", **expanded)
    ask("searched", read, instance, "Customer", search='"ann@"', force_search=True)
    ask("by key", read, instance, "Customer(CustomerId='a b')")
    ask("partitions", read, instance, "Customer", select="*", proxy=True)
    wrong = {"filter": "Name eq 'O''Brien' and x gt 1", "select": "A,B", "search": "foo"}
    ask("refused", read, instance, "Customer(CustomerId='a b')", proxy=True, **wrong)
    ask("no entity", read, instance, "Nothing")


def management(client: CustomerInsights, ask: Callable[..., Any], instance: str) -> None:
    """Ask what there is."""
    ask("entities", client.get_all_entity_metadata, instance)
    ask("entity", client.get_entity_metadata, instance, "Shop_Orders", attributes_annotations=True)
    ask("size", client.get_entity_size, instance, "Customer")
    ask("profile", client.get_an_entity_profile, instance, "Customer")
    ask("attribute", client.get_an_attribute_profile, instance, "Customer", "Points")
    source, *_ = ask("sources", client.get_all_data_sources, instance)
    named = source.data_source_metadata.data_source_id
    ask("source", client.get_data_source, instance, named)
    relationship, *_ = ask("relationships", client.get_all_relationships, instance)
    ask("relationship", client.get_a_relationship, instance, relationship.name)
    ask("system", client.get_all_system_created_relationships, instance)
    ask("store", client.get_profile_store_state, instance)
    renamed = {"instanceMetadata": {"name": "Renamed"}}
    ask("renamed", client.update_an_instance, instance, body=renamed)


def workflows(client: CustomerInsights, ask: Callable[..., Any], instance: str) -> None:
    """Make every call of jobs and schedules."""
    at = instance, "main"
    ask("zones", client.get_supported_timezones, "main", instance)
    planned = WorkflowRefreshSchedule(
        operation_type="all",
        is_active=True,
        timezone_id="Pacific Standard Time",
        cron_schedules=["30 2 * * MON-FRI"],
    )
    ask("schedule", client.create_workflow_refresh_schedule, *at, body=planned)
    make_batch = client.create_a_batch_of_workflow_refresh_schedules
    ask("schedules made", make_batch, *at, body=[planned, planned])
    ask("schedules", client.get_workflow_schedules, *at)
    wrong = WorkflowRefreshSchedule(cron_schedules=["30 2 * * *"], operation_type="all")
    ask("no such workflow", make_batch, instance, "other", body=[wrong])
    submit = client.submit_a_workflow_job
    job = ask("submitted", submit, *at, operation_type="all", force_run_requested=True)
    asked = OnDemandJobRequest(operation_type="merge", identifiers=["Crm", "Shop"])
    ask("submitted by body", submit, *at, body=asked)
    ask("submitted by names", submit, *at, operation_type="merge", identifiers=["Crm", "Shop"])
    ask("jobs", client.get_list_of_recent_workflow_jobs, *at, include_tasks=True)
    ask("job", client.get_a_workflow_job_information, *at, job.job_id, include_tasks=True)
    ask("no such job", client.get_a_workflow_job_information, *at, instance)
    ask("cancelled", client.cancel_a_workflow_job, *at, job.job_id)
    ask("history", client.get_list_of_workflow_task_information_history, *at)
    ask("status", client.get_workflow_status, *at)


if __name__ == "__main__":
    main(*sys.argv[1:])

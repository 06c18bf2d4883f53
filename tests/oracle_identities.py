"""The oracle's identities: who is who after each refresh (semantics 4.3), in plain Python.

The former records of an id are the records whose latest registry row names it, vanished ones included.

1. Every id with former records in some cluster goes to its heir: the cluster with most of its former records of the
   primary entity; tie: most of its former records; tie: the cluster with the smallest record reference (entity full
   name, key) among the id's former records in the tied clusters.
2. A cluster with several inherited ids keeps the one registered first (run, then smallest id). The others become
   aliases of it.
3. A cluster with no inherited id takes back an id that was created for one of its records, that was merged away (now
   or in an earlier run) and that heads no other cluster; of several the smallest.
4. Else it gets a new id: the MD5 of instance, entity, key and counter, with the smallest record reference of the
   cluster and the smallest counter from 0 that makes the id unused.
5. An alias points at once to the id that took it over, and follows that id when it is merged away itself. An id that
   heads a cluster is no alias. An id whose records are all gone keeps its place and its aliases, and shows nothing.
6. The registry learns only records that are new or changed their id.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import count

Ref = tuple[str, str]
"""A source record: entity full name and primary key."""
Cluster = frozenset[Ref]


@dataclass(frozen=True)
class Registry:
    """What refreshes remember: the latest id of every record, the run and record of every id given, and the aliases."""

    ids: Mapping[Ref, str] = field(default_factory=dict)
    given: Mapping[str, tuple[int, Ref]] = field(default_factory=dict)
    alias: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Identities:
    """What one refresh decided: the cluster of every id that heads a profile, the registry after it, and its news."""

    profiles: Mapping[str, Cluster]
    registry: Registry
    learnt: Mapping[Ref, str]
    created: Mapping[str, Ref]


def identify(before: Registry, clusters: Collection[Cluster], run: int, instance: str, primary: str) -> Identities:
    """Give every cluster its id."""
    inherited = inheritance(before, clusters, primary)
    kept = {cluster: min(ids, key=lambda one: (before.given[one][0], one)) for cluster, ids in inherited.items()}
    merged = {one: kept[cluster] for cluster, ids in inherited.items() for one in ids if one != kept[cluster]}
    orphans = [cluster for cluster in clusters if cluster not in kept]
    taken = taken_back(before, orphans, (set(before.alias) | set(merged)) - set(kept.values()))
    created = new_ids(before, [cluster for cluster in orphans if cluster not in taken], instance)
    ids = kept | taken | {cluster: one for one, cluster in created.items()}
    alias = aliases(before.alias, merged, set(ids.values()))
    first = {one: min(cluster) for one, cluster in created.items()}
    return learnt(before, ids, alias, first, run)


def inheritance(before: Registry, clusters: Iterable[Cluster], primary: str) -> dict[Cluster, set[str]]:
    """Return the ids that each cluster inherits (rule 1)."""
    former: dict[str, dict[Cluster, set[Ref]]] = {}
    for cluster in clusters:
        for record in cluster:
            if record in before.ids:
                former.setdefault(before.ids[record], {}).setdefault(cluster, set()).add(record)
    inherited: dict[Cluster, set[str]] = {}
    for one, shares in former.items():
        inherited.setdefault(heir(shares, primary), set()).add(one)
    return inherited


def heir(shares: Mapping[Cluster, set[Ref]], primary: str) -> Cluster:
    """Return the cluster that an id goes to; `shares` are its former records in each."""
    def rank(cluster: Cluster) -> tuple[int, int, Ref]:
        records = shares[cluster]
        return -sum(entity == primary for entity, _ in records), -len(records), min(records)
    return min(shares, key=rank)


def taken_back(before: Registry, orphans: Iterable[Cluster], free: Collection[str]) -> dict[Cluster, str]:
    """Return the previous ids that clusters without an inherited one take back (rule 3)."""
    created_for = {cluster: [one for one in free if before.given[one][1] in cluster] for cluster in orphans}
    return {cluster: min(ids) for cluster, ids in created_for.items() if ids}


def new_ids(before: Registry, clusters: Iterable[Cluster], instance: str) -> dict[str, Cluster]:
    """Return a new id for each cluster (rule 4)."""
    created: dict[str, Cluster] = {}
    for cluster in clusters:
        entity, key = min(cluster)
        texts = (f"{instance}\x1f{entity}\x1f{key}\x1f{counter}" for counter in count())
        hashes = (hashlib.md5(text.encode(), usedforsecurity=False).hexdigest() for text in texts)
        created[next(one for one in hashes if one not in before.given)] = cluster
    return created


def aliases(before: Mapping[str, str], merged: Mapping[str, str], heads: Collection[str]) -> dict[str, str]:
    """Return every merged-away id with the id it points to (rule 5)."""
    gone = {one: into for one, into in merged.items() if one not in heads}
    follow = {one: gone.get(into, into) for one, into in before.items()}
    return {one: into for one, into in (follow | gone).items() if one not in heads}


def learnt(before: Registry, ids: Mapping[Cluster, str], alias: Mapping[str, str], created: Mapping[str, Ref],
           run: int) -> Identities:
    """Return the result with the registry's news (rule 6)."""
    now = {record: one for cluster, one in ids.items() for record in cluster}
    news = {record: one for record, one in now.items() if before.ids.get(record) != one}
    given = {one: (run, record) for one, record in created.items()}
    registry = Registry({**before.ids, **news}, {**before.given, **given}, alias)
    return Identities({one: cluster for cluster, one in ids.items()}, registry, news, created)


def previous(alias: Mapping[str, str], customer_id: str) -> str | None:
    """Return the PreviousCustomerId of a profile: the ids merged into it, sorted, joined by `;`."""
    return ";".join(sorted(one for one, into in alias.items() if into == customer_id)) or None

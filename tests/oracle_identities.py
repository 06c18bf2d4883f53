"""The oracle's identities: who is who after each refresh (semantics 4.3), in plain Python.

A record *has* an id from the refresh that gave it to it, until it *leaves* it: the record is there,
and the id goes to the customer of others. A merge takes no id from anyone, so what it joined can
part as it came.

1. Every id goes to its heir. Of the records there that have it, those that had it first (the
   earliest run) decide; the heir is the cluster with most of them of the primary entity; tie: with
   most of them; tie: with the record that the id was created for; tie: with the smallest record
   reference (entity full name, key).
2. A cluster that is no customer (`apart`: one entity alone that does not include all its records)
   is an heir too, and its ids show nothing; but of clusters whose records had the id equally early,
   a customer comes first.
3. A cluster with several ids keeps the one registered first (run, then smallest id); the others are
  merged into it.
4. A customer without one gets a new id: the MD5 of instance, entity, key and counter, with the
   smallest record reference of the cluster and the smallest counter from 0 that makes the id
   unused.
   Where columns of customers make ids, a customer without one that has a value in all of them, and
   shares these with no other, gets the MD5 of instance, an empty text, and of each column its name
   and its value with the entity that it comes from - unless a record that is there has that id, or
   it is a merged one. If it was once another's it is so no more.
5. The id of a cluster is given to its records that do not have it. Records leave the ids that went
  elsewhere.
6. A merged id points at once to the id that heads the cluster. One whose records are all gone
   points where the id goes that it was last merged into: of the ids that its records have beside
   it, those that changed last deciding, the youngest that is older. (Where none is, as in
   registries written before records could leave: where it did.)
7. The registry learns the id of each record that is new or whose id is another one, and what was
  left.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count

Ref = tuple[str, str]
"""A source record: entity full name and primary key."""
Cluster = frozenset[Ref]


@dataclass(frozen=True)
class Registry:
    """What refreshes remember.

    `ids`: the id of every record when it was last a customer's; `given`: run and record of every
    id; `alias`: merged ids and where they point; `has`: the ids that each record has, with the run
    that gave them; `changed`: the run that last gave a record an id or took one away.
    """

    ids: Mapping[Ref, str] = field(default_factory=dict)
    given: Mapping[str, tuple[int, Ref]] = field(default_factory=dict)
    alias: Mapping[str, str] = field(default_factory=dict)
    has: Mapping[Ref, Mapping[str, int]] = field(default_factory=dict)
    changed: Mapping[Ref, int] = field(default_factory=dict)

    def age(self, one: str) -> tuple[int, str]:
        """Return what orders ids: smaller is registered earlier."""
        return self.given[one][0], one


@dataclass(frozen=True)
class Identities:
    """What one refresh decided.

    The cluster of every id that heads a profile, the registry after it, and its news.
    """

    profiles: Mapping[str, Cluster]
    registry: Registry
    learnt: Mapping[Ref, str]
    created: Mapping[str, Ref]
    left: frozenset[tuple[Ref, str]]


def identify(
    before: Registry,
    clusters: Collection[Cluster],
    run: int,
    instance: str,
    primary: str,
    apart: Collection[Cluster] = (),
    columns: Mapping[Cluster, Sequence[tuple[str, str, str]] | None] | None = None,
) -> Identities:
    """Give every cluster its id; `apart` are the clusters that are no customers.

    `columns` has, where they make ids, name, entity and value of each, None where one is empty.
    """
    heirs = inheritance(before, clusters, apart, primary)
    inherited: dict[Cluster, list[str]] = {}
    for one, cluster in heirs.items():
        inherited.setdefault(cluster, []).append(one)
    kept = {cluster: min(ids, key=before.age) for cluster, ids in inherited.items()}
    by_columns = ids_of_columns(before, clusters, kept, heirs, instance, columns or {})
    rest = [cluster for cluster in clusters if cluster not in kept and cluster not in by_columns]
    created = new_ids(before, rest, instance) | {
        one: cluster for cluster, one in by_columns.items() if one not in before.given
    }
    ids = kept | by_columns | {cluster: one for one, cluster in created.items()}
    left = frozenset(
        (record, one)
        for cluster in (*clusters, *apart)
        for record in cluster
        for one in before.has.get(record, ())
        if heirs[one] != cluster
    )
    news = {
        record: one
        for cluster, one in ids.items()
        for record in cluster
        if before.ids.get(record) != one
    }
    after = learnt(before, ids, news, left, run)
    first = {one: min(cluster) for one, cluster in created.items()}
    given = {**before.given, **{one: (run, record) for one, record in first.items()}}
    alias = aliases(
        replace(after, given=given), before.alias, {one: ids[heir] for one, heir in heirs.items()}
    )
    profiles = {ids[cluster]: cluster for cluster in clusters}
    return Identities(profiles, replace(after, given=given, alias=alias), news, first, left)


def inheritance(
    before: Registry, clusters: Collection[Cluster], apart: Collection[Cluster], primary: str
) -> dict[str, Cluster]:
    """Return the heir of every id that a record has that is there (rules 1 and 2)."""
    shares: dict[str, dict[Cluster, list[Ref]]] = {}
    for cluster in (*clusters, *apart):
        for record in cluster:
            for one in before.has.get(record, ()):
                shares.setdefault(one, {}).setdefault(cluster, []).append(record)
    return {one: heir(before, one, share, set(apart), primary) for one, share in shares.items()}


def heir(
    before: Registry,
    one: str,
    share: Mapping[Cluster, list[Ref]],
    apart: Collection[Cluster],
    primary: str,
) -> Cluster:
    """Return the cluster that an id goes to; `share` are the records in each that have it."""

    def rank(cluster: Cluster) -> tuple[int, bool, int, int, bool, Ref]:
        first = min(before.has[record][one] for record in share[cluster])
        deciding = [record for record in share[cluster] if before.has[record][one] == first]
        return (
            first,
            cluster in apart,
            -sum(entity == primary for entity, _ in deciding),
            -len(deciding),
            before.given[one][1] not in deciding,
            min(deciding),
        )

    return min(share, key=rank) if len(share) > 1 else next(iter(share))


def new_ids(before: Registry, clusters: Iterable[Cluster], instance: str) -> dict[str, Cluster]:
    """Return a new id for each cluster (rule 4)."""
    created: dict[str, Cluster] = {}
    for cluster in clusters:
        entity, key = min(cluster)
        texts = (f"{instance}\x1f{entity}\x1f{key}\x1f{counter}" for counter in count())
        hashes = (hashlib.md5(text.encode(), usedforsecurity=False).hexdigest() for text in texts)
        created[next(one for one in hashes if one not in before.given)] = cluster
    return created


def ids_of_columns(
    before: Registry,
    clusters: Collection[Cluster],
    kept: Collection[Cluster],
    heirs: Collection[str],
    instance: str,
    columns: Mapping[Cluster, Sequence[tuple[str, str, str]] | None],
) -> dict[Cluster, str]:
    """Return the ids that columns make for clusters that have none."""
    made: dict[str, list[Cluster]] = {}
    for cluster in clusters:
        values = columns.get(cluster)
        if values is not None:
            text = "\x1f".join([instance, "", *(part for value in values for part in value)])
            one = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
            made.setdefault(one, []).append(cluster)
    return {
        several[0]: one
        for one, several in made.items()
        if len(several) == 1 and several[0] not in kept
        if one not in heirs and one not in before.alias
    }


def learnt(
    before: Registry,
    ids: Mapping[Cluster, str],
    news: Mapping[Ref, str],
    left: Collection[tuple[Ref, str]],
    run: int,
) -> Registry:
    """Return what is known of records after a refresh (rules 5 and 7)."""
    has = dict(before.has)
    for record, one in left:
        has[record] = {other: since for other, since in has[record].items() if other != one}
    for cluster, one in ids.items():
        for record in cluster:
            if one not in has.get(record, ()):
                has[record] = {**has.get(record, {}), one: run}
    changed = dict.fromkeys([*news, *(record for record, _ in left)], run)
    ids_now = {record: one for record, one in before.ids.items() if one in has[record]} | dict(news)
    return replace(before, ids=ids_now, has=has, changed={**before.changed, **changed})


def aliases(after: Registry, before: Mapping[str, str], heads: Mapping[str, str]) -> dict[str, str]:
    """Return every merged id with the id it points to (rule 6).

    `heads` are the ids that clusters inherited.
    """
    owners: dict[str, list[Ref]] = {one: [] for one in before.keys() - heads.keys()}
    for record, ids in after.has.items():
        for one in owners.keys() & ids.keys():
            owners[one].append(record)
    into = {one: parent(after, one, records) or before[one] for one, records in owners.items()}
    found = {one: head for one, head in heads.items() if head != one}
    for one, target in into.items():
        while target in into:
            target = into[target]
        found[one] = heads.get(target, target)
    return found


def parent(after: Registry, one: str, owners: Collection[Ref]) -> str | None:
    """Return the id that one was merged into whose records, its `owners`, are all gone.

    None when they do not say.
    """
    last = max((after.changed[record] for record in owners), default=0)
    older = {
        other
        for record in owners
        if after.changed[record] == last
        for other in after.has[record]
        if after.age(other) < after.age(one)
    }
    return max(older, key=after.age, default=None)


def vanished(
    registry: Registry, profiles: Collection[str], records: Collection[Ref]
) -> dict[Ref, str]:
    """Return the records that are gone, each with the profile that its id leads to.

    Those whose id leads to no living profile are left out (semantics 2.3).
    """
    gone = {record: one for record, one in registry.ids.items() if record not in records}
    found = {
        record: one if one in profiles else registry.alias.get(one) for record, one in gone.items()
    }
    return {record: one for record, one in found.items() if one is not None and one in profiles}


def previous(alias: Mapping[str, str], customer_id: str) -> str | None:
    """Return the PreviousCustomerId of a profile: the ids merged into it, sorted, joined by `;`."""
    return ";".join(sorted(one for one, into in alias.items() if into == customer_id)) or None

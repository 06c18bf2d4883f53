"""Generated sequences of refreshes with mistakes that are put right.

They tell what must be as it was before the mistakes.

A sequence has episodes. First the customers change as they really do: they merge and split, records
move, vanish and return. Then come mistakes, several at a time or one after the other, made and
undone in any order, while records vanish and return and new ones join. At last everything is right
again.
"""

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Sequence as Seq
from dataclasses import dataclass, field
from itertools import count
from random import Random

from tests.oracle_identities import Cluster, Identities, Ref, Registry, identify

NAMES = ("B_Primary", "A_Second", "C_Third")
"""Entities in match order, which is not the order of their names.

Records of the third are no customers alone.
"""
KEYS = ("1", "10", "2", "é")

Label = int
"""Records with one label are one cluster."""
Records = Mapping[Ref, Label]
NEWCOMERS, VANISHING, UNDONE = 0.3, 0.3, 0.4
"""How often a record joins and how often some are gone at a refresh.

How often a mistake is put right at one.
"""


@dataclass(frozen=True)
class Mistakes:
    """The refreshes `begin` (the last that was right) to `end` (right again); `pure`.

    Only wrong merges.
    """

    begin: int
    end: int
    pure: bool
    truth: Records


@dataclass(frozen=True)
class Sequence:
    """What records there are at each refresh, and where mistakes were put right."""

    refreshes: list[Records] = field(default_factory=list)
    mistakes: list[Mistakes] = field(default_factory=list)


def sequence(random: Random, begin: str = "") -> Sequence:
    """Return a sequence of one to three episodes; all keys begin alike."""
    story = _Story(random, begin)
    for _ in range(random.choice((1, 1, 2, 3))):
        for _ in range(random.randint(0, 3)):
            story.live()
        story.err(random.random() < 0.7)
    return story.told


class _Story:
    """The customers as they are (`truth`), and the refreshes that were told."""

    def __init__(self, random: Random, begin: str) -> None:
        self.random, self.told, self._labels = random, Sequence(), count(100)
        self.names = [
            (name, begin + key)
            for name in NAMES
            for key in KEYS[: random.randint(1, len(KEYS) - 1)]
        ]
        few = random.randint(1, 5)
        self.truth: dict[Ref, Label] = {
            record: random.randint(0, few) for record in self.names if random.random() < 0.8
        }
        self._new = ((random.choice(NAMES), f"{begin}n{number}") for number in count())
        self._tell(self.truth)

    def _tell(self, records: Records) -> None:
        self.told.refreshes.append(dict(records))

    def live(self) -> None:
        """Let customers change as they really do."""
        for _ in range(self.random.randint(1, 3)):
            self.random.choice((self._merge, self._move, self._split, self._vanish, self._return))()
        self._tell(self.truth)

    def _merge(self) -> None:
        one, other = self._label(), self._label()
        self.truth = {
            record: one if label == other else label for record, label in self.truth.items()
        }

    def _move(self) -> None:
        self.truth |= {record: self._label() for record in self._some(1)}

    def _split(self) -> None:
        fresh = next(self._labels)
        self.truth |= dict.fromkeys(self._some(2), fresh)

    def _vanish(self) -> None:
        gone = self._some(2)
        self.truth = {record: label for record, label in self.truth.items() if record not in gone}

    def _return(self) -> None:
        self.truth |= {
            record: self._label()
            for record in self.names
            if record not in self.truth and self.random.random() < 0.5
        }

    def _label(self) -> Label:
        return self.random.choice([*self.truth.values(), next(self._labels)])

    def _customer(self) -> Label:
        """Return the label of a customer, sometimes a new one.

        To join what is none would be no mistake.
        """
        return self.random.choice(
            [
                *(label for (name, _), label in self.truth.items() if name != NAMES[2]),
                next(self._labels),
            ]
        )

    def _some(self, most: int) -> list[Ref]:
        records = list(self.truth)
        return self.random.sample(records, min(len(records), self.random.randint(1, most)))

    def err(self, pure: bool) -> None:
        """Make mistakes and put them right.

        Only wrong merges when `pure`, else records are also moved wrongly.
        """
        begin, before = len(self.told.refreshes) - 1, dict(self.truth)
        joined: list[tuple[Label, Label]] = []
        moved: dict[Ref, Label] = {}
        for _ in range(self.random.randint(1, 4)):
            self._join(joined)
            if not pure:
                self._misplace(moved)
            if self.random.random() < NEWCOMERS:
                self.truth[next(self._new)] = self._customer()
            self._tell(self._there(mistaken(self.truth, joined, moved)))
        self._tell(self.truth)
        self.told.mistakes.append(Mistakes(begin, len(self.told.refreshes) - 1, pure, before))

    def _join(self, joined: list[tuple[Label, Label]]) -> None:
        joined[:] = [pair for pair in joined if self.random.random() > UNDONE]
        labels = list(self.truth.values())
        joined += [
            (self.random.choice(labels), self.random.choice(labels))
            for _ in range(self.random.choice((0, 1, 1, 2)))
            if labels
        ]

    def _misplace(self, moved: dict[Ref, Label]) -> None:
        for record in list(moved):
            if self.random.random() < UNDONE:
                del moved[record]
        moved |= {record: self._label() for record in self._some(2)}

    def _there(self, records: Records) -> Records:
        """Leave some records out, now and then."""
        share = 0.7 if self.random.random() < VANISHING else 1.0
        return {record: label for record, label in records.items() if self.random.random() < share}


def mistaken(truth: Records, joined: Iterable[tuple[Label, Label]], moved: Records) -> Records:
    """Return the records with some of them moved and some customers joined."""
    into: dict[Label, Label] = {}

    def root(label: Label) -> Label:
        while label in into:
            label = into[label]
        return label

    for one, other in joined:
        if root(one) != root(other):
            into[root(other)] = root(one)
    return {record: root(moved.get(record, label)) for record, label in truth.items()}


# ---- what the oracle makes of a sequence


def clusters_of(records: Records) -> tuple[list[Cluster], list[Cluster]]:
    """Return the customers' clusters, and those that are no customers."""
    groups: dict[Label, list[Ref]] = {}
    for record, label in records.items():
        groups.setdefault(label, []).append(record)
    clusters = [Cluster(group) for group in groups.values()]
    apart = [cluster for cluster in clusters if all(entity == NAMES[2] for entity, _ in cluster)]
    return [cluster for cluster in clusters if cluster not in apart], apart


def told(refreshes: Iterable[Records]) -> Iterator[Identities]:
    """Give what each refresh decides."""
    registry = Registry()
    for run, records in enumerate(refreshes, 1):
        clusters, apart = clusters_of(records)
        found = identify(registry, clusters, run, "i", NAMES[0], apart)
        registry = found.registry
        yield found


# ---- what must hold


def expect_restored(found: Seq[Identities], mistakes: Mistakes) -> None:
    """When everything is right again, each id leads where it led.

    Only ids given in between may have come on top.

    After wrong merges alone these are ids of newcomers, whose customer was gone while they came.
    """
    before, after = found[mistakes.begin], found[mistakes.end]
    assert {
        one: cluster.intersection(mistakes.truth)
        for one, cluster in after.profiles.items()
        if one in before.registry.given
    } == before.profiles
    aliases = after.registry.alias
    assert {
        one: into for one, into in aliases.items() if one in before.registry.given
    } == before.registry.alias
    since = {one: aliases[one] for one in aliases.keys() - before.registry.given.keys()}
    assert (
        not mistakes.pure
        or not {after.registry.given[one][1] for one in since} & mistakes.truth.keys()
    )


def expect_right_at_once(found: Seq[Identities], sequence: Sequence, mistakes: Mistakes) -> None:
    """A customer that is right is as it was from that refresh on.

    This holds whatever is still wrong with others.
    """
    before = found[mistakes.begin]
    for run in range(mistakes.begin + 1, mistakes.end):
        if mistakes.truth.keys() <= sequence.refreshes[run].keys():
            right = {
                cluster.intersection(mistakes.truth): one
                for one, cluster in found[run].profiles.items()
            }
            assert all(
                right[cluster] == one
                and into(found[run], one) & before.registry.given.keys() == into(before, one)
                for one, cluster in before.profiles.items()
                if cluster in right
            )


def into(found: Identities, one: str) -> set[str]:
    """Return the ids that were merged into one."""
    return {other for other, into in found.registry.alias.items() if into == one}


def expect_rights(sequence: Sequence) -> list[Identities]:
    """Return what the oracle decided of a sequence; what was put right must be right."""
    found = list(told([*sequence.refreshes, {}]))
    assert found[-1].registry == found[-2].registry, "nothing changes when all are gone"
    for mistakes in sequence.mistakes:
        expect_restored(found, mistakes)
        expect_right_at_once(found, sequence, mistakes)
    return found

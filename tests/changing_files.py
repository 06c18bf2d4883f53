"""What becomes of the files of a project from one night to the next, but for their rows alone.

Rows go from file to file and from entity to entity, files part and become one, and are written
otherwise.
"""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.changing_project import HEADS
from tests.deliveries import FULL, folder_of

OWNERS = ("", *map(str, range(1, 9)))
STAYS = f"b/{FULL}/0.csv"
"""A record that is never deleted: an entity without any would fail a refresh."""
LISTS = {"decisions.csv", "names.csv", "ignored.csv"}
"""What else is read beside the sources."""

PLAIN = "plain"
STYLES = (PLAIN, "other line ends", "quoted", "open end", "other header")
SWAPPED = {"Name": "City", "City": "Name"}
"""Which columns another header has the other way round: their values stay where they are."""


@dataclass
class ChangingFiles:
    """The files of a project of entities `a` and `b`, of people, and `o`, of orders."""

    chance: Random
    files: dict[str, list[str]] = field(default_factory=dict)
    """The rows of files, each a line, by name."""
    styles: dict[str, str] = field(default_factory=dict)
    """How files are written that are not as usual."""
    delivered: bool = False
    """Whether `b` is delivered as full data and changes."""

    @property
    @abstractmethod
    def runs(self) -> int:
        """How often the project was refreshed."""

    def place(self, entity: str, number: str) -> str:
        """Return the name of a file of an entity; what is delivered later is changes."""
        if entity != "b" or not self.delivered:
            return f"{entity}{number}.csv"
        if number == "1":
            return f"b/{FULL}/1.csv"
        # The first refresh is at 08:00; later ones are an hour apart, and so are deliveries.
        hour = 8 + self.runs + self.chance.randint(-4, 1)
        deletes = self.chance.random() < 0.4
        return f"b/{folder_of(f'2027/01/15/{hour:02}', deletes)}/{number}.csv"

    @property
    def names(self) -> list[str]:
        """The files that may be changed."""
        return sorted(name for name in self.files if name != STAYS)

    @property
    def deliveries(self) -> list[str]:
        """The files that may go."""
        return [name for name in self.names if not name.endswith("1.csv")]

    def row(self, entity: str) -> str:
        """Return a row of an entity; few values, so that records meet, repeat and are wrong.

        One in twenty is a line that is no row.
        """
        pick, number = self.chance.choice, self.chance.randint
        if entity == "o":
            return f"o{number(1, 12)},{pick(OWNERS)},2024-01-0{number(1, 9)},{pick('123x')}"
        seen = pick(["2024-01-01", "2023-05-05", "", "bad"])
        key, more = pick([*map(str, range(1, 8)), ""]), ",more" * (self.chance.random() < 0.05)
        return f"{key},{pick(['Ann', 'Bob', ''])},{pick('xyz')}@x.com,{pick('RO')},{seen}{more}"

    def write_to(self, folder: Path) -> None:
        """Write the files that changed to a folder, and remove those that are gone."""
        there = {str(file.relative_to(folder)) for file in sources_of(folder)}
        for name in there - self.files.keys() - LISTS:
            (folder / name).unlink()
        for name, rows in self.files.items():
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            content = _written(HEADS[name[0]], rows, self.styles.get(name, PLAIN))
            if name.endswith("Deletes/2.csv"):  # keys alone
                lines = [HEADS[name[0]], *rows]
                keys = [line.partition(",")[0] or '""' for line in lines]
                content = ("\n".join(keys) + "\n").encode()
            if not file.exists() or file.read_bytes() != content:
                file.write_bytes(content)

    def change_row(self) -> None:
        """Replace a row, in place."""
        name = self.chance.choice(self.names)
        self.files[name][self.chance.randrange(len(self.files[name]))] = self.row(name[0])

    def add_rows(self) -> None:
        """Append rows to a file."""
        name = self.chance.choice(self.names)
        self.files[name] += [self.row(name[0]) for _ in range(2)]

    def remove_row(self) -> None:
        """Take a row away, not the last one."""
        name = self.chance.choice(self.names)
        if len(self.files[name]) > 2:
            self.files[name].pop(self.chance.randrange(len(self.files[name])))

    def add_file(self) -> None:
        """Deliver another file of an entity, before or behind those that are there."""
        entity = self.chance.choice("abo")
        name = self.place(entity, str(self.chance.randint(0, 3)))
        self.files.setdefault(name, [self.row(entity) for _ in range(2)])

    def remove_file(self) -> None:
        """Take a delivery away."""
        if self.deliveries:
            del self.files[self.chance.choice(self.deliveries)]

    def rename_file(self) -> None:
        """Call a delivery by another name."""
        if self.deliveries:
            name = self.chance.choice(self.deliveries)
            other = self.place(name[0], str(self.chance.randint(4, 6)))
            self.files[other] = self.files.pop(name)

    def move_row(self) -> None:
        """Move a row to another file of rows of its kind, which may be one of another entity."""
        name = self.chance.choice(self.names)
        others = [one for one in self.names if one != name and (one[0] == "o") == (name[0] == "o")]
        if others and len(self.files[name]) > 2:
            row = self.files[name].pop(self.chance.randrange(len(self.files[name])))
            self.files[self.chance.choice(others)].append(row)

    def split_file(self) -> None:
        """Let half of a file's rows be in another one."""
        name = self.chance.choice(self.names)
        other, rows = self.place(name[0], str(self.chance.randint(4, 6))), self.files[name]
        if other not in self.files and len(rows) > 2:
            self.files[name], self.files[other] = rows[: len(rows) // 2], rows[len(rows) // 2 :]

    def join_files(self) -> None:
        """Let a delivery's rows be in another file of its entity."""
        if self.deliveries:
            name = self.chance.choice(self.deliveries)
            other = self.chance.choice([one for one in self.names if one[0] == name[0]])
            if name != other:
                self.files[other] += self.files.pop(name)

    def write_otherwise(self) -> None:
        """Write a file in another style, or its rows in another order."""
        name = self.chance.choice(self.names)
        self.styles[name] = self.chance.choice(STYLES[: None if name[0] == "a" else -1])
        if self.chance.random() < 0.3:
            self.chance.shuffle(self.files[name])


def sources_of(folder: Path) -> list[Path]:
    """Return the files that a project's folder has."""
    return [*folder.glob("*.csv"), *folder.glob("b/**/*.csv")]


def _written(head: str, rows: Sequence[str], style: str) -> bytes:
    """Return a CSV file of rows, of whose values none has a comma or a quote."""
    end = "\r\n" if style == "other line ends" else "\n"
    if style == "other header":
        head = ",".join(SWAPPED.get(name, name) for name in head.split(","))
    lines = [head, *rows]
    if style == "quoted":
        lines = [",".join(f'"{value}"' for value in line.split(",")) for line in lines]
    return (end.join(lines) + end * (style != "open end")).encode()

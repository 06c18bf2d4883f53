"""A YAML document as plain values, with the line of every value.

`${NAME}` is read from the environment.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path as File

import yaml

from overtide.schemas.errors import ConfigurationError, OvertideError
from overtide.schemas.mistakes import Mistake, Path, shown

FILE = "overtide.yaml"
MOST_VALUES = 200_000
"""A document with more values (through aliases of aliases, for instance) is refused."""
LONGEST = 500
"""Characters of a message or a value that are shown."""
DEEPEST = 50
"""Values nested more deeply are refused: no setting is that deep."""
_TAG = "tag:yaml.org,2002:"
_VARIABLE = re.compile(r"\$\$\{|\$\{([^}]*)\}?")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DECIMAL = re.compile(r"decimal\(\d+,\d+\)", re.ASCII)
_CONSTRUCT = yaml.constructor.SafeConstructor()


@dataclass
class Document:
    """Values, their lines (from 1), how scalars are written, the nulls, the environment's texts.

    The last are the texts that came from the environment.
    """

    file: str
    environ: Mapping[str, str]
    value: object = None
    lines: dict[Path, int] = field(default_factory=dict)
    written: dict[Path, str] = field(default_factory=dict)
    nulls: list[Path] = field(default_factory=list)
    secrets: dict[str, str] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)

    def line(self, path: Path) -> int | None:
        """Return the line of a value, or of the nearest section around it."""
        while path not in self.lines and path:
            path = path[:-1]
        return self.lines.get(path)

    def text(self, path: Path) -> str | None:
        """Return how a value is written; one from the environment is shown as `${NAME}`."""
        return self.written.get(path)

    def mistake(self, code: str, path: Path, message: str, **more: str | None) -> Mistake:
        """Return a mistake at a path.

        Values that came from the environment are shown as `${NAME}`.
        """
        clean = {name: _cut(self._hidden(text)) for name, text in more.items() if text is not None}
        written = self.written.get(path)
        suggestion = clean.get("suggestion")
        hint = clean.pop("hint", None) or (f"Did you mean `{suggestion}`?" if suggestion else None)
        return Mistake(
            code,
            _cut(self._hidden(message)),
            self._hidden(shown(path)) or None,
            hint,
            file=self.file,
            line=self.line(path),
            value=clean.get("value", written and _cut(written)),
            expected=clean.get("expected"),
            suggestion=suggestion,
        )

    def has(self, path: Path) -> bool:
        """Say whether a mistake was found at a place already."""
        return shown(path) in (one.target for one in self.mistakes)

    def hidden(self, error: OvertideError) -> OvertideError:
        """Return an error with `${NAME}` where it would show what came from the environment."""
        return replace(
            error,
            message=self._hidden(error.message),
            target=error.target and self._hidden(error.target),
            hint=error.hint and self._hidden(error.hint),
            details=tuple(map(self.hidden, error.details)),
        )

    def add(self, code: str, path: Path, message: str, **more: str | None) -> None:
        """Remember a mistake at a path."""
        self.mistakes.append(self.mistake(code, path, message, **more))

    def _hidden(self, text: str) -> str:
        for secret in sorted(self.secrets, key=len, reverse=True):
            text = text.replace(secret, self.secrets[secret])
        return text


def read_file(folder: File, environ: Mapping[str, str]) -> Document:
    """Read a project's `overtide.yaml`.

    Raise `no_configuration` where there is none that can be read.
    """
    path = folder / FILE
    try:
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise ConfigurationError(
            "no_configuration",
            f"There is no {FILE} in {folder.resolve()}.",
            FILE,
            "Go to a project's folder, name one with -C, or make one with `overtide init`.",
        ) from None
    except OSError as error:
        raise ConfigurationError(
            "no_configuration", f"{path} cannot be read: {error.strerror}.", str(path)
        ) from None
    try:
        return read_document(data.decode("utf-8-sig"), FILE, environ)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        found = Mistake("invalid_yaml", "The file is not UTF-8.", file=FILE, line=line)
        return Document(FILE, environ, mistakes=[found])


def read_document(text: str, file: str, environ: Mapping[str, str]) -> Document:
    """Read YAML text; what is wrong with it stands in the document's `mistakes`."""
    document = Document(file, environ)
    try:
        _expect_shallow(text)
        root = yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        document.mistakes.append(_syntax(file, error))
        return document
    except yaml.YAMLError as error:
        reason = getattr(error, "reason", None) or str(error)
        document.mistakes.append(Mistake("invalid_yaml", f"This is no YAML: {reason}.", file=file))
        return document
    if root is not None:
        _Reader(document).read(root)
    if document.value is None and not document.mistakes:
        document.add("empty", (), "The file is empty; `overtide init` makes one to begin with.")
    return document


def _cut(text: str) -> str:
    """Return a text as far as it can be read at a glance."""
    return text[:LONGEST] + "…" if len(text) > LONGEST else text


def _expect_shallow(text: str) -> None:
    """Raise where values are nested too deeply.

    The parser's own recursion would end the process.
    """
    depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(
            event, yaml.CollectionEndEvent
        )
        if depth > DEEPEST:
            error = yaml.MarkedYAMLError(problem="values are nested too deeply")
            error.problem_mark = event.start_mark  # type: ignore[assignment]  # the C parser's own kind of mark
            raise error


def _syntax(file: str, error: yaml.MarkedYAMLError) -> Mistake:
    mark = error.problem_mark or error.context_mark
    sentence = f"{error.context}, {error.problem}" if error.context else error.problem
    tab = error.problem is not None and "cannot start any token" in error.problem
    return Mistake(
        "invalid_yaml",
        f"This is no YAML: {sentence}.",
        hint="Indent with blanks, not with tabs, and put texts in quotes." if tab else None,
        file=file,
        line=mark.line + 1 if mark else None,
    )


_Pairs = list[tuple[yaml.Node, yaml.Node]]


def _with_whole_decimals(pairs: _Pairs) -> _Pairs:
    """Put `decimal(12,2)` together again, which YAML splits within braces.

    YAML takes it for `decimal(12` and a key `2)`.
    """
    whole: _Pairs = []
    for key, item in pairs:
        begun = whole[-1][1] if whole else None
        if item.value == "" and all(
            isinstance(one, yaml.ScalarNode) and not one.style for one in (begun, key)
        ):
            text = f"{whole[-1][1].value},{key.value}".replace(" ", "")
            if _DECIMAL.fullmatch(text):
                whole[-1][1].value = text
                continue
        whole.append((key, item))
    return whole


class _Reader:
    """Turns YAML nodes into values and keeps their lines in the document."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.open: list[yaml.Node] = []
        self.count = 0
        self.refused = False

    def read(self, root: yaml.Node) -> None:
        """Fill the document."""
        self.document.lines[()] = root.start_mark.line + 1
        self.document.value = self._value(root, ())

    def _value(self, node: yaml.Node, path: Path) -> object:
        self.count += 1
        self.document.lines.setdefault(path, node.start_mark.line + 1)
        if node in self.open or self.count > MOST_VALUES or len(path) > DEEPEST:
            if not self.refused:
                self.document.add(
                    "invalid_yaml", path[:3], "The value holds itself, or far too many values."
                )
            self.refused = True
            return None
        self.open.append(node)
        value = self._contents(node, path)
        self.open.pop()
        return value

    def _contents(self, node: yaml.Node, path: Path) -> object:
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self._value(item, (*path, number)) for number, item in enumerate(node.value)]
        assert isinstance(node, yaml.ScalarNode)  # noqa: S101 (YAML has no fourth kind of node)
        return self._scalar(node, path)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, object]:
        values: dict[str, object] = {}
        for key, item in _with_whole_decimals(node.value) if node.flow_style else node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == f"{_TAG}merge":
                self.document.add(
                    "invalid_yaml", path, "A key must be a plain text (`<<` does not merge here)."
                )
                continue
            here = (*path, key.value)
            if key.value in values:
                self._duplicate(here, key.start_mark.line + 1)
                continue
            self.document.lines[here] = key.start_mark.line + 1
            values[key.value] = self._value(item, here)
        return values

    def _duplicate(self, path: Path, line: int) -> None:
        first = self.document.lines[path]
        found = self.document.mistake(
            "duplicate_key",
            path,
            f"`{path[-1]}` stands here twice, first in line {first}.",
            hint="Remove one of them, or give it another name.",
            expected="every key once",
        )
        self.document.mistakes.append(replace(found, line=line, value=str(path[-1])))

    def _scalar(self, node: yaml.ScalarNode, path: Path) -> object:
        self.document.written[path] = node.value
        kind = node.tag.removeprefix(_TAG)
        if kind == "null":
            self.document.nulls.append(path)
        readers = {
            "null": lambda _: None,
            "bool": _CONSTRUCT.construct_yaml_bool,
            "int": _CONSTRUCT.construct_yaml_int,
            "float": _CONSTRUCT.construct_yaml_float,
        }
        if kind in readers:
            return readers[kind](node)
        if kind not in ("str", "timestamp"):
            self.document.add(
                "invalid_yaml",
                path,
                f"The tag `{node.tag}` is not supported.",
                expected="plain values",
            )
        return self._expanded(node.value, path)

    def _expanded(self, text: str, path: Path) -> str:
        expanded = _VARIABLE.sub(lambda found: self._variable(found, path), text)
        if any(found.group(1) for found in _VARIABLE.finditer(text)):
            self._hide(expanded, text)
        return expanded

    def _hide(self, value: str, written: str) -> None:
        """Never show a value again; one or two characters would hide half of every sentence."""
        if len(value) > 2:
            self.document.secrets[value] = written

    def _variable(self, found: re.Match[str], path: Path) -> str:
        name = found.group(1)
        if name is None:
            return "${"
        if not _NAME.fullmatch(name) or not found.group().endswith("}"):
            self.document.add(
                "invalid_variable",
                path,
                f"`{found.group()}` names no environment variable.",
                expected="${NAME}",
                hint="Write $${ for a literal ${.",
            )
        elif name not in self.document.environ:
            self.document.add(
                "missing_variable",
                path,
                f"The environment variable {name} is not set.",
                expected=f"a value for {name}",
                hint=f"Set {name} before you start overtide.",
            )
        value = self.document.environ.get(name, "")
        self._hide(value, found.group())
        return value

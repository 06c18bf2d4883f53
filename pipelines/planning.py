"""What a refresh is about to do: the files that it reads, and its plan."""

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from overtide.lake.catalog import attach_statements
from overtide.lake.damage import NO_DAMAGE, Damage
from overtide.lake.definitions import last_manifest, table_columns
from overtide.lake.standing import current_publish
from overtide.pipelines.differences import differing, narrowing
from overtide.pipelines.inputs import Inputs
from overtide.pipelines.kept_rows import NOTHING, reusable
from overtide.pipelines.manifest import kept_before
from overtide.runner_configs import RunnerConfig
from overtide.schemas.configuration import Configuration
from overtide.schemas.configuration.entities import Entity
from overtide.schemas.errors import OvertideError, SourceError
from overtide.schemas.folders import make_folder
from overtide.schemas.instants import Instant
from overtide.schemas.paths import Paths
from overtide.transforms.kernel import KernelSettings
from overtide.transforms.matching.decisions import read_decisions_of
from overtide.transforms.matching.lists import with_lists, wrong_lists
from overtide.transforms.plan import Plan
from overtide.transforms.sources.fetching import Fetched, fetch, tell_nobody
from overtide.transforms.sources.files import about_rows, check_columns, files_of, within
from overtide.transforms.step import attached_kernel
from overtide.transforms.tables.contract import PublishedRows
from overtide.transforms.unify import SourceFiles, in_batches

if TYPE_CHECKING:
    from overtide.transforms.sources.databases.look_back import KeptTables

SURE = 100_000
"""Up to so many rows the number of rows is not rounded."""
SMALL = 1 << 21
"""Bytes of sources up to which one thread is as fast as many, at two thirds of the processor."""
BYTES_PER_RECORD = 200
"""Size on disk of a record that is unified, for the number of buckets before anything is read."""


def source_files(
    configuration: Configuration,
    project: Path,
    scratch: Path,
    now: Instant,
    told: Callable[[str, int], None] = tell_nobody,
    only: Collection[str] | None = None,
    tables: "KeptTables | None" = None,
) -> list[SourceFiles]:
    """Return every source file, or those of some entities `only`, after checking all headers.

    Of changes those of the hours that have ended `now`. What is in none is copied into `scratch`,
    and how many rows of which entity are is `told`; `tables` says what is kept of tables. Raise one
    error that lists everything wrong.
    """
    entities = {
        name: entity
        for name, entity in configuration.entities().items()
        if only is None or name in only
    }
    remote = {name: entity for name, entity in entities.items() if entity.is_remote}
    bring = partial(fetch, configuration, remote, project, os.environ, scratch, now=now)
    heads = bring(most=0)
    wrong = _wrong_columns(project, entities, heads, now)
    wrong += [error for _, error in wrong_lists(configuration, project)]
    try:
        read_decisions_of(configuration, project)
    except SourceError as error:
        wrong.append(error)
    _expect_right(wrong)
    copies = bring(told=told, tables=tables)
    _expect_right(_wrong_columns(project, remote, copies, now))
    files: list[SourceFiles] = []
    for name, entity in entities.items():
        some = copies.files[name] if name in remote else files_of(project, entity, now)
        files += in_batches(name, some, len(files))
    return files


def _wrong_columns(
    project: Path, entities: Mapping[str, Entity], copies: Fetched, now: Instant
) -> list[OvertideError]:
    """Return what is wrong with the columns of entities, and why some have no copies."""
    found: list[OvertideError] = []
    for name, entity in entities.items():
        if name in copies.wrong:
            found.append(copies.wrong[name])
            continue
        if entity.is_remote and name not in copies.files:
            continue  # objects, of which nothing was copied yet
        found += [
            finding.error(name)
            for finding in check_columns(project, entity, copies.files.get(name), now)
            if finding.severity == "mistake"
        ]
    return found


def _expect_right(wrong: list[OvertideError]) -> None:
    """Raise what is wrong, each once."""
    different = [one for place, one in enumerate(wrong) if one not in wrong[:place]]
    if len(different) == 1:
        raise different[0]
    if different:
        raise SourceError(
            "sources_wrong",
            f"The source files have {len(different)} mistakes.",
            details=tuple(different),
        )


def without_kept(
    plan: Plan, inputs: Inputs, files: list[SourceFiles]
) -> tuple[list[SourceFiles], frozenset[str]]:
    """Return what is to be read where earlier refreshes kept what some files gave.

    With the entities of which nothing is to be read at all.
    """
    found: list[SourceFiles] = []
    whole: set[str] = set()
    for number, entity in enumerate(dict.fromkeys(batch.entity for batch in files)):
        into = plan.scratch / "kept" / str(number)
        make_folder(into)
        contents = inputs.contents_of(entity)
        kept = reusable(plan.paths.results, plan, entity, contents, into) if contents else NOTHING
        if kept.table is not None:
            whole.add(entity)
            found.append(SourceFiles(entity, (), len(found), table=kept.table))
            continue
        if kept.files:
            found.append(SourceFiles(entity, (), len(found), kept.files))
        project, known = plan.paths.project, kept.sources
        paths = paths_of([batch for batch in files if batch.entity == entity])
        left = [path for path in paths if within(project, path) not in known]
        read = in_batches(entity, left, len(found))
        found += [replace(one, before=kept.before) for one in read] if kept.before else read
    return found, frozenset(whole)


def paths_of(files: list[SourceFiles]) -> list[Path]:
    """Return all files, in their order."""
    return [Path(path) for batch in files for path in batch.paths]


def rows_to_read(configuration: Configuration, files: list[SourceFiles]) -> int:
    """Return about how many rows the sources have.

    Three digits of it are right where files are large.
    """
    entities = configuration.entities()
    rows = sum(
        about_rows(path, entities[batch.entity]) for batch in files for path in paths_of([batch])
    )
    return round(rows, 3 - len(str(rows))) if rows >= SURE else rows


def settings_of(
    runner: RunnerConfig, scratch: Path, files: Sequence[SourceFiles]
) -> KernelSettings:
    """Return the settings of the kernels that work in `scratch`, which is made, on `files`."""
    make_folder(scratch)
    one = runner.threads is None and size_of(files) <= SMALL
    return KernelSettings(1 if one else runner.kernel_threads, runner.memory_limit, scratch)


def size_of(files: Sequence[SourceFiles]) -> int:
    """Return the bytes of files."""
    return sum(path.stat().st_size for batch in files for path in paths_of([batch]))


def make_plan(
    configuration: Configuration,
    paths: Paths,
    settings: KernelSettings,
    rows_per_bucket: int,
    run: int,
    files: list[SourceFiles],
    allow_shrink: bool = False,
    full: bool = True,
    damage: Damage = NO_DAMAGE,
) -> Plan:
    """Return the plan of a run: what is published now, and how much there is to read.

    Its configuration has all lists as if they stood in it. Unless all is to be made in `full`,
    some tables may be a difference to the published ones. Those with `damage` are as if they were
    not there.
    """
    configuration = with_lists(configuration, paths.project)
    attach = attaching(paths)
    published, last = published_tables(settings, attach)
    tables: dict[str, PublishedRows] = {}
    if attach and not full and not damage.files:
        with attached_kernel(settings, attach) as connection:
            tables = differing(connection, configuration, paths, published, last)
    return Plan(
        configuration,
        paths,
        settings,
        run,
        rows_per_bucket,
        records_in(configuration, files),
        {name: types for name, types in published.items() if name not in damage.anew},
        hashes_of(last, damage),
        attach,
        kept_before(last),
        allow_shrink,
        tables,
        narrowing(configuration, tables, published, last) if tables else None,
        last,
    )


def records_in(configuration: Configuration, files: Sequence[SourceFiles]) -> int:
    """Return about how many records the files of unified entities hold."""
    unified = {one.entity for one in configuration.unification.entities}
    return size_of([batch for batch in files if batch.entity in unified]) // BYTES_PER_RECORD


def hashes_of(last: Mapping[str, Any], damage: Damage) -> dict[str, str]:
    """Return the content hashes of the published tables by a manifest, none of damaged ones."""
    hashes = {name: str(table["hash"]) for name, table in last.get("tables", {}).items()}
    return hashes | dict.fromkeys(damage.anew & hashes.keys(), "")


def attaching(paths: Paths) -> tuple[str, ...]:
    """Return the SQL that attaches the lake to a kernel, none before the first publish."""
    if current_publish(paths) is None:
        return ()
    return tuple(attach_statements(paths.catalog, paths.storage, read_only=True))


def published_tables(
    settings: KernelSettings, attach: Sequence[str]
) -> tuple[dict[str, dict[str, str]], dict[str, Any]]:
    """Return the columns of the published tables and the manifest of their run.

    Nothing where there is no SQL that attaches the lake. A DuckDB reads what tables there are when
    it is asked of one first, which takes longer than a small step; kernels that are shared do so
    together.
    """
    if not attach:
        return {}, {}
    with attached_kernel(settings, attach) as connection:
        return table_columns(connection), last_manifest(connection)

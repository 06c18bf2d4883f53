"""Imports Beam as far as pipelines of this project use it, and keeps it from what nobody asks for.

Its import is half of the start of a refresh, and each of its looks at a function a part of what a
small one takes (docs/decisions/small-refreshes.md).
"""

import copy
import logging
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import MethodType, ModuleType
from typing import Any, TypeAlias

from overtide.pipelines.importing import nothing_collected

UNUSED = ("pymongo", "bson", "requests", "regex")
"""What Beam's readers of MongoDB and BigQuery need, which are not used."""


Specs: TypeAlias = tuple[set[object], set[object]]
"""The state and the timers that a function of Beam uses."""


def import_beam() -> None:
    """Import Beam, and let it do no more than what is needed."""
    with ExitStack() as around:
        around.enter_context(_silent_root())
        around.enter_context(nothing_collected())
        around.enter_context(_without(*UNUSED))
        around.enter_context(_standing_in(*_loading_beartype(), _loading_httplib2()))
        import apache_beam  # noqa: F401 - the import itself is what warns
    _wait_for_samplers(5)
    _look_at_classes_once()
    _view_options_once()
    _pickle_once()


@contextmanager
def _silent_root() -> Iterator[None]:
    """Keep what is logged on the root logger from everybody.

    Beam warns of Google clients that are not installed. The root logger does not get a handler by
    that.
    """
    root, nowhere = logging.getLogger(), logging.NullHandler()

    def nothing(_record: logging.LogRecord) -> bool:
        return False

    root.addHandler(nowhere)
    root.addFilter(nothing)
    try:
        yield
    finally:
        root.removeFilter(nothing)
        root.removeHandler(nowhere)


@contextmanager
def _without(*names: str) -> Iterator[None]:
    """Let packages that are not loaded yet be as if they were not installed."""
    modules: dict[str, ModuleType | None] = sys.modules  # type: ignore[assignment]
    absent = [name for name in names if name not in modules]
    modules.update(dict.fromkeys(absent))
    try:
        yield
    finally:
        for name in absent:
            del modules[name]


@contextmanager
def _standing_in(*modules: ModuleType) -> Iterator[None]:
    """Let others have these modules in place of those of their names that are not loaded yet.

    What they took of them stays theirs; whoever imports them later gets the real ones.
    """
    ours = {one.__name__: one for one in modules if one.__name__ not in sys.modules}
    sys.modules.update(ours)
    try:
        yield
    finally:
        for name in ours:
            del sys.modules[name]


class UndecidedError(Exception):
    """Stands for the exception of beartype where it cannot compare two types."""


def is_subhint(sub: object, base: object) -> bool:
    """Ask beartype, which is loaded then: Beam does only where types are checked that it lacks."""
    from beartype import door
    from beartype.roar import BeartypeDoorException

    try:
        return door.is_subhint(sub, base)
    except BeartypeDoorException as error:
        raise UndecidedError(str(error)) from error


def _loading_beartype() -> list[ModuleType]:
    """Return what Beam has of beartype, which is loaded when it is called."""
    package, door, roar = map(ModuleType, ("beartype", "beartype.door", "beartype.roar"))
    vars(door)["is_subhint"] = is_subhint
    vars(roar)["BeartypeDoorException"] = UndecidedError
    return [package, door, roar]


def new_http() -> object:
    """Return a client of HTTP as Beam makes it, to fetch what workers elsewhere are to have."""
    from apache_beam.internal.http_client import get_new_http

    return get_new_http()


def _loading_httplib2() -> ModuleType:
    """Return what Beam has of its own module that imports httplib2."""
    module = ModuleType("apache_beam.internal.http_client")
    vars(module)["get_new_http"] = new_http
    return module


def _wait_for_samplers(milliseconds: int) -> None:
    """Let Beam ask so often what a bundle is doing.

    At the end of each bundle Beam waits until it has asked once more, for up to 200 ms.
    """
    from apache_beam.runners.worker.statesampler import StateSampler

    StateSampler.__init__.__defaults__ = (milliseconds,)


def _look_at_classes_once() -> None:
    """Let Beam look once for the state and the timers of a class of functions.

    It reads the signatures of all methods of a function, eight times for each function of a
    pipeline: a tenth of a small refresh. They are those of its class, unless it has bound methods
    of its own.
    """
    from apache_beam.transforms import userstate

    look: Callable[[object], Specs] = userstate.get_dofn_specs
    found: dict[type, Specs] = {}

    def specs(function: object) -> Specs:
        if any(isinstance(one, MethodType) for one in vars(function).values()):
            return look(function)
        kind = type(function)
        if kind not in found:
            found[kind] = look(function)
        states, timers = found[kind]
        return set(states), set(timers)

    userstate.get_dofn_specs = specs


def _view_options_once() -> None:
    """Let Beam read the same options as a kind of its own only once.

    For each transform it asks twice whether types are checked, at its start it asks for a dozen
    kinds, and it builds a parser of the command line for each time: a tenth of a small refresh,
    half of a small tick of the stream. Views share what is set: one shows what another was given.
    """
    from apache_beam.options.pipeline_options import PipelineOptions

    look: Callable[[PipelineOptions, type[Any]], PipelineOptions] = PipelineOptions.view_as
    read: dict[tuple[object, ...], dict[str, object]] = {}

    def view_as(self: PipelineOptions, cls: type[Any]) -> PipelineOptions:
        if self._flags is None:  # those of this process
            return look(self, cls)
        kind = (cls, *self._flags)
        if kind not in read:
            read[kind] = copy.deepcopy(look(PipelineOptions(self._flags), cls)._all_options)
        view: PipelineOptions = object.__new__(cls)
        view._flags, view._all_options = self._flags, self._all_options
        view._visible_options = Namespace(**read[kind])
        for name, value in read[kind].items():
            if name not in self._all_options:
                self._all_options[name] = copy.deepcopy(value)
        return view

    PipelineOptions.view_as = view_as


def _pickle_once() -> None:
    """Let Beam pickle functions when it sends them, and not to see before that it will be able to.

    What cannot be pickled fails the pipeline before anything runs all the same.
    """
    from apache_beam.internal import pickler
    from apache_beam.transforms import ptransform

    trusting = ModuleType(pickler.__name__)
    vars(trusting).update(vars(pickler), roundtrip=lambda one: one)
    ptransform.pickler = trusting


import_beam()

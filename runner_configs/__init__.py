"""The ways to run a pipeline: one YAML file per runner, each of which names its Beam runner."""

import difflib
import os
import re
import sys
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import Field, ValidationError, field_validator

from overtide.schemas.configuration.model import Model
from overtide.schemas.errors import ConfigurationError, OvertideError

FOLDER = Path(__file__).parent
DEFAULT = "embedded"
VARIABLE = re.compile(r"\$\{(\w+)\}")

Option = str | bool | int | float | list[str]


class RunnerConfig(Model):
    """A Beam runner, its pipeline options, and how much of a machine one kernel of it may use."""

    runner: Annotated[str, Field(description="class name of the Beam runner")]
    options: dict[str, Option] = Field(
        default={}, description="Beam pipeline options; ${NAME} is the environment's"
    )
    threads: Annotated[
        int | None,
        Field(
            ge=1, description="per kernel; default: one where the sources are small, else the cores"
        ),
    ] = None
    memory_limit: Annotated[
        str, Field(pattern=r"^\d+(\.\d+)?[KMGT]i?B$", description="per kernel")
    ] = "2GB"
    rows_per_bucket: Annotated[
        int, Field(ge=1, description="source records that one kernel takes at once")
    ] = 2_000_000

    @field_validator("runner")
    @classmethod
    def _one_runner(cls, name: str) -> str:
        if name.rpartition(".")[2] in ("DirectRunner", "SwitchingDirectRunner"):
            raise ValueError(
                f"{name} chooses between several runners by itself; name one, such as FnApiRunner"
            )
        return name

    @property
    def flags(self) -> list[str]:
        """The options as Beam's command-line flags.

        Only in this form are every runner's own options read.
        """
        return [flag for name, value in self.options.items() for flag in _flags(name, value)]

    @property
    def is_embedded(self) -> bool:
        """Whether all steps are done by this process."""
        mode = self.options.get("direct_running_mode", "in_memory")
        return self.runner == "FnApiRunner" and mode == "in_memory"

    @property
    def kernel_threads(self) -> int:
        """Threads of one kernel: as configured, else the cores that this process may use."""
        if self.threads is not None:
            return self.threads
        return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def _flags(name: str, value: Option) -> list[str]:
    if isinstance(value, bool):
        return [f"--{name}"] if value else []
    return [f"--{name}={one}" for one in (value if isinstance(value, list) else [value])]


def names() -> list[str]:
    """Return the names of the runners that come with Overtide."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def load(name: str = DEFAULT) -> RunnerConfig:
    """Return a runner by its name or by the path of a YAML file.

    Raise `unknown_runner` or `invalid_runner`.
    """
    path = _file(name)
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        config = RunnerConfig.model_validate(document)
    except yaml.YAMLError as error:
        raise ConfigurationError(
            "invalid_runner", f"{path} is not YAML: {_one_line(str(error))}.", name
        ) from None
    except ValidationError as error:
        raise _invalid(path, name, error) from None
    return config.model_copy(
        update={
            "options": {key: _expanded(value, key, name) for key, value in config.options.items()}
        }
    )


def _file(name: str) -> Path:
    if name in names():
        return FOLDER / f"{name}.yaml"
    path = Path(name).expanduser()
    if path.suffix in (".yaml", ".yml") and path.is_file():
        return path
    close = difflib.get_close_matches(name, names(), n=1)
    hint = (
        f"Did you mean {close[0]}?"
        if close
        else f"There are {', '.join(names())}, or give a path to a YAML file."
    )
    raise ConfigurationError("unknown_runner", f"There is no runner {name!r}.", name, hint)


def _invalid(path: Path, name: str, error: ValidationError) -> OvertideError:
    faults = [
        f"{'.'.join(map(str, fault['loc'])) or 'the file'}: {fault['msg']}"
        for fault in error.errors()
    ]
    hint = f"Its keys are {', '.join(RunnerConfig.model_fields)}; docs/runners.md describes them."
    return ConfigurationError(
        "invalid_runner", f"{path} does not describe a runner: {'; '.join(faults)}.", name, hint
    )


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _expanded(value: Option, option: str, name: str) -> Option:
    """Return an option's value with every ${NAME} replaced by the environment's."""
    if isinstance(value, list):
        return [
            VARIABLE.sub(lambda found: _variable(found[1], option, name), text) for text in value
        ]
    if isinstance(value, str):
        return VARIABLE.sub(lambda found: _variable(found[1], option, name), value)
    return value


def _variable(variable: str, option: str, name: str) -> str:
    value = os.environ.get(variable)
    if value is None:
        raise ConfigurationError(
            "missing_variable",
            f"The runner {name} takes its option {option} from the environment "
            f"variable {variable}, which is not set.",
            variable,
            "docs/runners.md says what it holds.",
        )
    return value

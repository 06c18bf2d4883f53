"""The entry of the `overtide` command, which imports nothing before ctrl-C has its answer."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: "Sequence[str] | None" = None) -> int:
    """Run one command and return its exit code; only `--help` leaves by `SystemExit`."""
    code = _answered(argv)
    if argv is None:  # the process ends with the command
        from overtide.cli.signals import end_soon

        end_soon(code)
    return code


class _NoPandas:
    """A finder that says at once that there is no pandas."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> None:
        """Raise for pandas, and leave all else to the finders that follow."""
        del path, target
        if name == "pandas":
            raise ModuleNotFoundError("No module named 'pandas'", name=name)


def _without_pandas() -> None:
    """Spare DuckDB looking for pandas where there is none: it does twice for each parameter."""
    import sys
    from importlib.util import find_spec

    if _NoPandas in sys.meta_path or "pandas" in sys.modules:
        return
    if find_spec("pandas") is None:
        sys.meta_path.insert(0, _NoPandas)


def _answered(argv: "Sequence[str] | None") -> int:
    interruption = None
    try:
        from overtide.cli.signals import interruptible

        with interruptible() as interruption:
            if argv is None:
                _without_pandas()
            from overtide.cli.answering import answer

            return answer(argv, interruption)
    except KeyboardInterrupt:
        from overtide.cli.answering import stopped

        return stopped(argv, interruption)

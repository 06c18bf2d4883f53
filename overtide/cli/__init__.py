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


def _answered(argv: "Sequence[str] | None") -> int:
    interruption = None
    try:
        from overtide.cli.signals import interruptible

        with interruptible() as interruption:
            from overtide.cli.answering import answer

            return answer(argv, interruption)
    except KeyboardInterrupt:
        from overtide.cli.answering import stopped

        return stopped(argv, interruption)

"""What is wrong with an expression, and where."""


class ExpressionError(ValueError):
    """A mistake at a place of an expression's text, which counts from 1."""

    def __init__(
        self, message: str, place: int, expected: str | None = None, suggestion: str | None = None
    ) -> None:
        super().__init__(f"{message} (at character {place})")
        self.expected = expected
        self.suggestion = suggestion

"""Booleans, and the words for true and false that files may hold."""

from overtide.schemas.errors import InvalidValueError
from overtide.schemas.names import listed_sql
from overtide.schemas.types.attribute_type import AttributeType, Reading
from overtide.schemas.values import Value, plain_word, plain_word_sql

TRUE_WORDS = ("true", "yes", "1", "t", "y", "1.0")
FALSE_WORDS = ("false", "no", "0", "f", "n", "0.0")


class BooleanType(AttributeType):
    """True and false."""

    family = "boolean"
    edm = "Edm.Boolean"
    example = True
    names_elsewhere = ("bool",)
    is_truth = True
    duckdb = "BOOLEAN"
    expected = "true or false"
    expected_in_files = "true or false, yes or no"

    def expectation(self, reading: Reading) -> str:
        """Say in words what a text of a file should have been."""
        more = zip(reading.true_words, reading.false_words, strict=False)
        pairs = [f"{true}/{false}" for true, false in more]
        return f"boolean ({', '.join([*pairs, 'true/false', 'yes/no'])})"

    def _from_json(self, value: object) -> Value:
        return value if isinstance(value, bool) else None

    def read(self, text: str, reading: Reading, time_zone: str) -> Value:
        """Return what a word means; the configured ones go first."""
        own = plain_word(text)
        if own in map(plain_word, reading.true_words):
            return True
        if own in map(plain_word, reading.false_words):
            return False
        word = text.lower()
        return True if word in TRUE_WORDS else False if word in FALSE_WORDS else None

    def from_word(self, text: str) -> object:
        """Return what a word of the command line means; the acceptance refuses any other."""
        try:
            return self.from_source(Reading(), "UTC", text) if text else text
        except InvalidValueError:
            return text

    def read_sql(self, text: str, reading: Reading, time_zone: str) -> str:
        """Return the SQL of what a word means."""
        own = "".join(
            f"WHEN {listed_sql(plain_word_sql(text), map(plain_word, words))} THEN {value} "
            for words, value in ((reading.true_words, "true"), (reading.false_words, "false"))
            if words
        )
        return (
            f"CASE {own}WHEN {listed_sql(f'lower({text})', TRUE_WORDS)} THEN true "
            f"WHEN {listed_sql(f'lower({text})', FALSE_WORDS)} THEN false END"
        )

    def json_sql(self, column: str) -> str:
        """Return the SQL of true or false in JSON."""
        return f"to_json({column})"

    def typed_sql(self, value: str) -> str:
        """Return the SQL that types true or false."""
        return f"CASE {value} WHEN 'true' THEN true WHEN 'false' THEN false END"

    def _fits_sql(self, value: str) -> str:
        return f"{value} IN ('true', 'false')"

"""A plain reader of CSV, one letter at a time.

What the refresh makes of quotes and line ends, written once more.
"""

import re
from dataclasses import dataclass

from overtide.schemas.values import BLANKS


@dataclass
class Reference:
    """A text with a header, to be read as rows and bad lines."""

    text: str

    def read(self, columns: int) -> tuple[list[tuple[str | None, ...]], list[tuple[int, str]]]:
        rows, bad, place, line = [], [], 0, 1
        while place < len(self.text):
            found, first = self.record(place), self.line_end(place)
            values, end = found or ([], first)
            text = self.text[place:end]
            if found is None or (text and (len(values) < columns or any(values[columns:]))):
                bad.append((line, text))
            elif text:
                key = values[0].strip(BLANKS) and values[0]
                rows.append(tuple(value or None for value in [key, *values[1:columns]]))
            line += 1 + len(re.findall("\r\n|\r|\n", text))
            place = end + (2 if self.text[end : end + 2] == "\r\n" else 1)
        return rows[1:], bad

    def line_end(self, place: int) -> int:
        while self.text[place : place + 1] not in ("", "\r", "\n"):
            place += 1
        return place

    def record(self, place: int) -> tuple[list[str], int] | None:
        values: list[str] = []
        while True:
            quote = place + self.text.startswith(" ", place)
            end = self.text[quote : quote + 1] == '"'
            value, place = self.quoted(quote + 1) if end else self.plain(place)
            values.append(value)
            if place < 0 or self.text[place : place + 1] not in ("", ",", "\r", "\n"):
                return None
            if self.text[place : place + 1] != ",":
                return values, place
            place += 1

    def plain(self, place: int) -> tuple[str, int]:
        end = place
        while self.text[end : end + 1] not in ("", ",", "\r", "\n"):
            end += 1
        return self.text[place:end], end

    def quoted(self, place: int) -> tuple[str, int]:
        value = ""
        while (end := self.text.find('"', place)) >= 0:
            value, place = value + self.text[place:end], end + 1
            if self.text[place : place + 1] != '"':
                while self.text[place : place + 1] == " ":
                    place += 1
                return value, place
            value, place = value + '"', place + 1
        return value, -1

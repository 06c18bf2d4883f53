"""Normalisations: how two spellings of one thing become equal before they are compared; stored values stay as they are.

The six of the product (Numerals, Symbols, Text to lower case, Type, Unicode to ASCII, Whitespace), with Type as phone,
name, address and organization, and `email` besides. Each is an SQL expression; they apply in the order of `ORDER`,
whatever the order in the configuration.
"""

from collections.abc import Sequence

from schemas.configuration import Condition, Entity
from schemas.names import literal, quoted
from schemas.values import canonical_text

ORDER = ("numerals", "ascii", "lower", "email", "phone", "name", "address", "organization", "symbols", "whitespace")

ZEROS, ONES = "٠۰߀०০੦૦୦௦౦೦൦๐໐༠၀០᠐₀０𝟎𝟘𝟢𝟬𝟶", "①❶➀➊⑴⒈⓵Ⅰⅰ"
"""The first of ten digits and of nine numbers that follow each other in Unicode."""
DIGITS = {chr(ord(first) + step): str(start + step)
          for start, firsts in ((0, ZEROS), (1, ONES)) for first in firsts for step in range(10 - start)} \
    | dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⓪⓿", "012345678900", strict=True))
NUMBERS = {chr(ord(first) + step): str(start + step) for start, firsts, last in
           ((10, "⑩", 20), (11, "⓫", 20), (10, "Ⅹⅹ", 12), (10, "❿➉➓⓾", 10))
           for first in firsts for step in range(last - start + 1)}
"""Letters that are numbers of two digits."""
SYMBOLS = "!?\"#$%&'()+,.-_/:;<=>@^\\~{}`[]"
LETTERS = ("øØłŁđĐðÐħĦıŧŦ", "oOlLdDdDhHitT")

TITLES = ("mr", "mrs", "ms", "miss", "dr", "prof", "sir", "jr", "sr")
NAMES = {"abby": "abigail", "al": "albert", "alex": "alexander", "andy": "andrew", "becky": "rebecca",
         "ben": "benjamin", "beth": "elizabeth", "bill": "william", "bob": "robert", "cathy": "catherine",
         "chris": "christopher", "dan": "daniel", "dave": "david", "debby": "deborah", "debbie": "deborah",
         "ed": "edward", "fred": "frederick", "greg": "gregory", "jen": "jennifer", "jim": "james", "joe": "joseph",
         "kate": "katherine", "kathy": "katherine", "ken": "kenneth", "larry": "lawrence", "liz": "elizabeth",
         "mike": "michael", "nick": "nicholas", "pat": "patricia", "rick": "richard", "ron": "ronald",
         "sam": "samuel", "steve": "steven", "sue": "susan", "tom": "thomas", "tony": "anthony", "will": "william"}
ADDRESSES = {"street": "st", "avenue": "ave", "road": "rd", "drive": "dr", "lane": "ln", "court": "ct", "place": "pl",
             "boulevard": "blvd", "square": "sq", "crescent": "cres", "circuit": "cct", "terrace": "tce",
             "highway": "hwy", "parkway": "pkwy", "suite": "ste", "apartment": "apt", "north": "n", "south": "s",
             "east": "e", "west": "w", "northeast": "ne", "northwest": "nw", "southeast": "se", "southwest": "sw"}
ORGANIZATIONS = ("co", "corp", "corporation", "company", "inc", "incorporated", "ltd", "limited", "llc", "llp", "plc",
                 "gmbh", "ag", "sa", "bv", "nv", "ab", "oy", "pty", "group", "holdings", "the", "and")


def _without_words(text: str, words: Sequence[str]) -> str:
    return f"list_aggregate(list_filter(string_split({text}, ' '), word -> rtrim(word, '.,') NOT IN " \
        f"({', '.join(map(literal, words))})), 'string_agg', ' ')"


def _with_words(text: str, words: dict[str, str]) -> str:
    cases = " ".join(f"WHEN {literal(word)} THEN {literal(short)}" for word, short in words.items())
    return f"list_aggregate(list_transform(string_split({text}, ' '), word -> CASE rtrim(word, '.,') {cases} " \
           f"ELSE word END), 'string_agg', ' ')"


def _phone(text: str) -> str:
    number = f"regexp_replace(lower({text}), '(?s)([0-9][^0-9a-z#]*)(ext|x|#).*$', '\\1')"
    return f"ltrim(regexp_replace({number}, '[^0-9]', '', 'g'), '0')"


def _numerals(text: str) -> str:
    plain = f"translate({text}, {literal(''.join(DIGITS))}, {literal(''.join(DIGITS.values()))})"
    for letter, number in NUMBERS.items():
        plain = f"replace({plain}, '{letter}', '{number}')"
    return _unless_ascii(text, plain)


def _ascii(text: str) -> str:
    plain = f"translate(strip_accents({text}), {literal(LETTERS[0])}, {literal(LETTERS[1])})"
    for letter, letters in (("ß", "ss"), ("ẞ", "SS"), ("æ", "ae"), ("Æ", "AE"), ("œ", "oe"), ("Œ", "OE"), ("þ", "th"),
                            ("Þ", "TH")):
        plain = f"replace({plain}, '{letter}', '{letters}')"
    return _unless_ascii(text, plain)


def _unless_ascii(text: str, changed: str) -> str:
    """Most texts have as many bytes as letters, and nothing to be changed."""
    return f"CASE WHEN strlen({text}) = length({text}) THEN {text} ELSE {changed} END"


def _apply(step: str, text: str) -> str:
    if step == "numerals":
        return _numerals(text)
    if step == "ascii":
        return _ascii(text)
    if step == "lower":
        return f"lower({text})"
    if step == "email":
        plain = f"lower(trim({text}))"
        return f"CASE WHEN contains({text}, '+') THEN regexp_replace({plain}, '\\+[^@]*@', '@') ELSE {plain} END"
    if step == "phone":
        return _phone(text)
    if step == "name":
        return _with_words(_without_words(f"lower({text})", TITLES), NAMES)
    if step == "address":
        return _with_words(f"lower({text})", ADDRESSES)
    if step == "organization":
        return _without_words(f"lower({text})", ORGANIZATIONS)
    if step == "symbols":
        return f"translate({text}, {literal(SYMBOLS)}, '')"
    return f"regexp_replace({text}, '[\\p{{Z}}\\t-\\r\\x{{85}}]+', '', 'g')"


def normalized(text: str, steps: Sequence[str], words_sorted: bool) -> str:
    """Return the SQL of the text normalised by `steps`, its words in order when asked; null where nothing is left."""
    for step in [step for step in ORDER if step in steps and step != "whitespace"]:
        text = _apply(step, text)
    if words_sorted:
        text = f"trim(list_aggregate(list_sort(string_split({text}, ' ')), 'string_agg', ' '))"
    if "whitespace" in steps:
        text = _apply("whitespace", text)
    return f"nullif({text}, '')"


def compared(condition: Condition, name: str, entity: Entity) -> str:
    """Return the SQL of what a condition compares of one entity: its fields joined by a blank, normalised."""
    fields = condition.fields_of(name)
    texts = [canonical_text(quoted(field), entity.attribute(field).type) for field in fields]
    joined = texts[0] if len(texts) == 1 else f"nullif(concat_ws(' ', {', '.join(texts)}), '')"
    return normalized(joined, condition.normalize, condition.words_sorted)

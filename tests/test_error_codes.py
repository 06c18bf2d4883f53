"""Every code that real-time requests and the event log answer with is explained."""

import re
from pathlib import Path

from schemas.error_codes import CODES

ROOT = Path(__file__).parent.parent
RAISED = re.compile(r"(?:OvertideError|usage_error)\(\s*\"([a-z_]+)\"")
MODULES = [*(ROOT / "eventlog").glob("*.py"), ROOT / "lake" / "generation.py",
           *(ROOT / "serving" / f"{name}.py" for name in ("acceptance", "fields", "records", "terms")),
           *(ROOT / "schemas" / f"{name}.py" for name in ("events", "instants", "strict_json", "values"))]


def test_every_code_is_explained():
    raised = {code for module in MODULES for code in RAISED.findall(module.read_text(encoding="utf-8"))}
    assert raised - set(CODES) == set()


def test_codes_are_sorted_and_explained_by_a_sentence():
    assert list(CODES) == sorted(CODES)
    assert all(sentence.endswith(".") for sentence in CODES.values())

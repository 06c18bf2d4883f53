"""`overtide match review` and `match decide`: from pairs side by side to the file of decisions."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from overtide.cli.review_page import page_of
from overtide.pipelines.matching.reviewing import review
from overtide.transforms.matching.decisions import merge_decisions, read_decisions
from tests.command_line import call, expect_refusal
from tests.small_project import Project
from tests.test_decisions import HEADER
from tests.test_match_explain import MAIL, document
from tests.tried import opened

HOSTILE = "</td><script>alert(1)</script>\" onload='x"
FIRST = "Id,First,Last,Mail,Phone,Born\n"


@pytest.fixture
def project(tmp_path) -> Project:
    """Contacts of whom two are nearly one person by their first names, two nearly not."""
    made = Project(tmp_path, document()).write(
        c=FIRST + "1,Ann,Lee,a@x,1,\n2,Anne,Lee,a@x,2,\n3,Bobby,Ray,b@x,3,\n4,Robby,Ray,b@x,4,\n"
        "5,Cornel,Day,c@x,5,\n6,Cor,Day,c@x,6,\n",
        m=FIRST + "9,Zoe,Zed,z@z,,\n",
    )
    made.document["unification"]["entities"][0]["deduplicate"]["rules"] = [MAIL]
    return made


def keys(pairs) -> list[tuple[str, int]]:
    return [("".join(end["key"] for end in pair["records"]), pair["score"]) for pair in pairs]


def test_pairs_nearest_to_the_least_score_are_reviewed_on_both_sides(project):
    project.document["unification"]["entities"][0]["deduplicate"]["rules"][0] = {
        **MAIL,
        "conditions": [{"fields": "Mail"}, {"fields": "First", "precision": 62}],
    }
    with opened(project) as found:
        done = review(found, 10)
    assert keys(done.joined) == [("12", 75), ("34", 80)]
    assert keys(done.apart) == [("56", 50)]
    (scores, *_) = done.scores
    assert (scores["joined"], scores["apart"]) == ({"75": 1, "80": 1}, {"50": 1})
    assert done.joined[0]["records"][0]["values"]["First"] == "Ann"


def test_what_is_decided_is_not_asked_again(project):
    project.document["unification"]["decisions"] = "decisions.csv"
    project.write(decisions=HEADER + "never,S_c,2,S_c,1\n")
    with opened(project) as found:
        assert keys(review(found, 10).joined) == [("34", 80)]


class Tags(HTMLParser):
    """Which elements a page has, and whether it asks another place for anything."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.asked: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        """Take note."""
        self.found.append(tag)
        self.asked += [name for name, _ in attrs if name in ("src", "onload", "action")]


def test_the_page_asks_no_other_place_and_runs_nothing_of_a_source(project):
    quoted = HOSTILE.replace('"', '""')
    project.write(c=f'{FIRST}1,"{quoted}",L,a@x,1,\n2,"{quoted}y",L,a@x,2,\n')
    with opened(project) as found:
        done = review(found, 5)
    assert len(done.joined) == 1
    page = page_of(HOSTILE, done.tried, done.scores, done.joined, done.apart)
    tags = Tags(page)
    assert tags.found.count("script") == 1
    assert tags.asked == []
    assert "default-src 'none'" in page
    assert re.findall(r"(?:https?:)?//\w", page) == []
    assert page.count('<input type="radio"') == 3


def test_decisions_are_taken_and_the_newest_of_a_pair_counts(tmp_path):
    file, name = tmp_path / "data" / "decisions.csv", Path("given.csv")
    first = merge_decisions(file, name, [HEADER, "always,S_c,1,S_m,7\n"], ["S_c", "S_m"])
    assert (first.added, first.replaced, first.decisions) == (1, 0, 1)
    file.write_text(
        "Decision,Entity1,Entity1Key,Entity2,Entity2Key,By\n"
        "always,S_c,1,S_m,7,ann\nnever,S_c,1,S_c,2,bob\n"
    )
    second = merge_decisions(file, name, [HEADER, "never,S_m,7,S_c,1\n"], ["S_c", "S_m"])
    assert (second.added, second.replaced, second.decisions) == (1, 1, 2)
    assert file.read_text() == (
        "Decision,Entity1,Entity1Key,Entity2,Entity2Key,By\n"
        "never,S_c,1,S_c,2,bob\nnever,S_m,7,S_c,1,\n"
    )
    assert [one.always for one in read_decisions(file, ["S_c", "S_m"])] == [False, False]
    assert [path.name for path in file.parent.iterdir()] == ["decisions.csv"]


def test_from_a_page_to_other_customers(refreshed_contoso, tmp_path):
    """The way that a person goes on the command line."""
    folder = tmp_path / "contoso"
    folder.mkdir()
    for part in ("overtide.yaml", "data"):
        (folder / part).symlink_to(refreshed_contoso / part)
    there = ("-C", folder)
    page = tmp_path / "review.html"
    told = call("--json", *there, "match", "review", "--pairs", "3", "--out", page).document
    assert told == {"file": str(page), "joined": 3, "apart": 0}
    assert page.read_text().count('<fieldset class="pair"') == 3
    wrong = call(*there, "match", "decide", "-", given=HEADER)
    expect_refusal(wrong, 2, "names no file of decisions", "decisions: data/decisions.csv")
    (folder / "overtide.yaml").unlink()
    text = (refreshed_contoso / "overtide.yaml").read_text()
    (folder / "overtide.yaml").write_text(
        text.replace("unification:\n", "unification:\n  decisions: decisions.csv\n")
    )
    entity, key, other, second = re.search(
        r'data-entity1="(.*?)" data-key1="(.*?)" data-entity2="(.*?)" data-key2="(.*?)"',
        page.read_text(),
    ).groups()  # type: ignore[union-attr]
    given = f"{HEADER}never,{entity},{key},{other},{second}\n"
    taken = call("--json", *there, "match", "decide", "-", given=given).document
    assert (taken["added"], taken["replaced"], taken["decisions"]) == (1, 0, 1)
    found = call("--json", *there, "match", "explain", f"{entity}={key}", f"{other}={second}")
    assert (found.document["together"], found.document["decision"]) == (False, "never")
    refused = call(*there, "match", "decide", "-", given=HEADER + "maybe,a,1,b,2\n")
    expect_refusal(refused, 1, "says 'maybe' in line 2")


def test_a_person_decides_with_the_keyboard(browser, project, tmp_path):
    with opened(project) as found:
        done = review(found, 5)
    file = tmp_path / "review.html"
    file.write_text(page_of("T", done.tried, done.scores, done.joined, done.apart))
    page = browser.new_page()
    page.goto(file.as_uri())
    page.keyboard.press("j")
    page.keyboard.press("n")
    page.keyboard.press("j")
    page.keyboard.press("a")
    assert page.locator("#csv").input_value() == (
        HEADER + "never,S_c,1,S_c,2\nalways,S_c,3,S_c,4\n"
    )
    page.keyboard.press("u")
    with page.expect_download() as download:
        page.locator("#download").click()
    assert Path(download.value.path()).read_text() == HEADER + "never,S_c,1,S_c,2\n"
    assert page.locator("#count").inner_text() == "1 of 2 pairs are decided."
    page.close()

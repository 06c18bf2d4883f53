"""Sources that have far fewer rows than before stop a publish, unless that is allowed."""

import dataclasses
import json

import pytest

from overtide.lake.loss import losses
from overtide.schemas.errors import OvertideError
from overtide.transforms.shrinking import shrunk
from overtide.transforms.steps import Steps
from tests.command_line import call
from tests.small_plan import configuration, plan_of, table_of
from tests.test_loss import project, told


def rows(number: int) -> str:
    return "Id,Name\n" + "".join(f"{key},n\n" for key in range(number))


@pytest.mark.parametrize(
    ("share", "before", "now", "refused"),
    [
        (50, 10, 5, False),
        (50, 10, 4, True),
        (0, 10, 10, False),
        (0, 10, 9, True),
        (100, 10, 1, False),
        (12.5, 8, 7, False),
        (12.4, 8, 7, True),
        (50, 10, 100, False),
        (50, None, 1, False),
    ],
)
def test_the_share_of_rows_that_may_be_gone(tmp_path, share, before, now, refused):
    plan = dataclasses.replace(
        plan_of(
            tmp_path,
            configuration({"S_a": {"Id": "string"}}, entity={"S_a": {"max_shrink_percent": share}}),
        ),
        kept_before={} if before is None else {"S_a": before},
    )
    tables = [table_of(plan, "S_a", [{"Id": str(key)} for key in range(now)])]
    assert bool(shrunk(tables, plan.entities, plan.kept_before)) == refused
    if refused:
        with pytest.raises(
            OvertideError, match=f"S_a has {now} rows?, and had {before} in the last published run"
        ):
            Steps(plan).reading.expect_no_shrink(tables[0], tables)
    assert (
        Steps(dataclasses.replace(plan, allow_shrink=True)).reading.expect_no_shrink(
            tables[0], tables
        )
        is tables[0]
    )


def test_a_source_that_shrank_stops_the_publish_and_may_be_let_pass(tmp_path):
    project(tmp_path, c=rows(10))
    assert told(tmp_path).code == 0
    project(tmp_path, c=rows(4))
    refused = told(tmp_path)
    assert refused.code == 1
    assert (
        "S_C has 4 rows, and had 10 in the last published run: more than 50 % are gone. Check its "
        "files; if that is right, run `overtide refresh --allow-shrink`, or raise "
        "`max_shrink_percent`. Run 1 is still served." in refused.err
    )
    assert call("-C", tmp_path, "--json", "refresh").document["error"]["code"] == "source_shrank"
    passed = told(tmp_path, "--allow-shrink")
    assert passed.code == 0
    assert "S_C: shrank from 10 rows to 4." in passed.err
    assert call("-C", tmp_path, "--json", "status").document["loss"][0]["kind"] == "shrunk"
    assert "shrank" not in told(tmp_path).err  # of what is published now nothing is gone


def test_all_sources_that_shrank_are_named_at_once(tmp_path):
    shop = project(tmp_path, c=rows(10), v="Id\n" + "".join(f"{key}\n" for key in range(10)))
    shop.refresh()
    shop.write(c=rows(1), v="Id\n1\n")
    with pytest.raises(OvertideError) as error:
        shop.refresh(allow_shrink=False)
    assert (error.value.code, [one.target for one in error.value.details]) == (
        "source_shrank",
        ["S_C", "S_V"],
    )
    assert "2 sources" in str(error.value)


def test_what_is_no_longer_configured_has_not_shrunk_but_is_told(tmp_path):
    shop = project(tmp_path)
    assert shop.refresh().manifest["removed_entities"] == {}
    del shop.document["sources"]["S"]["O"]
    shop.document |= {"relationships": [], "activities": []}
    done = shop.refresh(allow_shrink=False)
    assert (
        losses(done.manifest)[-1].text
        == "S_O: no longer configured, and its 2 rows no longer published."
    )
    assert shop.refresh().manifest["removed_entities"] == {}


def test_python_may_let_it_pass_too(tmp_path):
    import overtide

    made = project(tmp_path, c=rows(10))
    with overtide.open(tmp_path) as opened:
        opened.refresh()
        made.write(c=rows(1))
        with pytest.raises(OvertideError, match="more than 50 % are gone"):
            opened.refresh()
        manifest = opened.refresh(allow_shrink=True).manifest
        assert (manifest["shrunk"], opened.status()["loss"][0]["rows"]) == ({"S_C": 10}, 9)
        assert json.dumps(manifest["shrunk"])

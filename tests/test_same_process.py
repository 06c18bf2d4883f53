"""Reads notice every publish, also where DuckDB and Python's SQLite share a process."""

import subprocess
import sys

from tests.engine_by_hand import HandEngine
from tests.histories import Story
from tests.shop import CONTACTS

READER = """
import sys
from pathlib import Path
from overtide.schemas.paths import Paths
from overtide.eventlog.sqlite import SqliteEventLog
from overtide.serving.reader import Reader
from overtide.serving.fields import Target
paths = Paths.of(Path(sys.argv[1]))
clock = lambda: 4102444800000000
reader = Reader(paths, SqliteEventLog(paths.log, clock, lambda at: ""), clock)
for line in sys.stdin:
    for _ in range(2):
        card = reader.get(Target(None, "Crm_Contacts", "0"))
        reader.timeline(Target(None, "Crm_Contacts", "0"))
    print(card.run, flush=True)
"""


def publish(story: Story) -> int:
    expected = story.truth.publish(story.sources, story.clock.now)
    story.engine.publish(story.sources, expected)
    return expected.run


def test_the_publishing_process_reads_what_it_published(tmp_path):
    story = Story.begin(HandEngine, tmp_path)
    for _ in range(3):
        run = publish(story)
        assert story.engine.reader.published().run == run
        assert story.engine.reader.get(story_target()).run == run
        assert story.engine.timeline((CONTACTS, "0"), None, None) == []


def test_a_long_lived_reader_notices_publishes_of_another_process(tmp_path):
    story = Story.begin(HandEngine, tmp_path)
    publish(story)
    with subprocess.Popen(
        [sys.executable, "-c", READER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as reader:
        seen = [asked(reader)]
        for _ in range(3):
            publish(story)
            seen.append(asked(reader))
        reader.stdin.close()
    assert seen == [1, 2, 3, 4]


def asked(reader: subprocess.Popen) -> int:
    reader.stdin.write("\n")
    reader.stdin.flush()
    return int(reader.stdout.readline())


def story_target():
    from overtide.serving.fields import Target

    return Target(None, CONTACTS, "0")

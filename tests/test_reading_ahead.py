"""Files are loaded before they are needed.

As much as is worth it, and no longer than somebody works.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from overtide.transforms.sources import files
from overtide.transforms.sources.files import reading_ahead

BLOCK = bytes(1 << 16)


@pytest.fixture
def pipes(tmp_path) -> list[Path]:
    """Files that tell whether they are read: who writes to them waits for a reader."""
    paths = [tmp_path / "first", tmp_path / "second"]
    for path in paths:
        os.mkfifo(path)
    return paths


def filled(path: Path, size: int) -> int:
    """Write to a pipe; return how much was taken in before its reader closed it.

    That is what was read from it or waits in it.
    """
    written = 0
    with path.open("wb", buffering=0) as pipe:
        try:
            while written < size:
                written += pipe.write(BLOCK)
        except BrokenPipeError:
            pass
    return written


def test_all_files_are_loaded_one_after_the_other(pipes):
    with reading_ahead(pipes):
        assert filled(pipes[0], 5 << 20) == 5 << 20
        assert filled(pipes[1], 5 << 20) == 5 << 20


def test_no_more_is_loaded_than_the_system_keeps(pipes, monkeypatch):
    monkeypatch.setattr(files, "AHEAD", 4 << 20)
    with reading_ahead(pipes[:1]):
        assert 4 << 20 <= filled(pipes[0], 1 << 30) < 8 << 20


def test_it_ends_with_the_work(pipes):
    with ThreadPoolExecutor(1) as writer:
        with reading_ahead(pipes[:1]):
            written = writer.submit(filled, pipes[0], 1 << 40)
        assert written.result() < files.AHEAD


def test_what_cannot_be_read_is_left_to_who_needs_it(tmp_path, pipes):
    with reading_ahead([tmp_path / "gone", tmp_path, pipes[0]]):
        assert filled(pipes[0], 1 << 20) == 1 << 20

"""What Beam workers install (`--setup_file ./setup.py`).

Everything is declared in `pyproject.toml`.
"""

from setuptools import setup

setup()

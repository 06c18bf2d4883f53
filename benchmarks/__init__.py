"""Speed and size, each beside its plain alternative.

`python -m benchmarks.run` prints and records them.
"""

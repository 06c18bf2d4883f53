"""Databases that entities are read from: each kind is one `DatabaseSource`, and a line in `kinds`.

A refresh copies what its entities need, as Parquet, out of one state of each database; from there
on the copies are read as files are.
"""

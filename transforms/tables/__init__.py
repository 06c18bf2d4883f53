"""The tables of the lake that a refresh builds, each in a module of its own.

A base table is one `BaseTable`: what it is called and how its rows are made. Its columns, key and
order are declared in `overtide.schemas.tables`; `registered` lists them all, and `building` does
the same with each: build it in parts, hash it, compare it with what is published.
"""

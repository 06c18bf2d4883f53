"""Expressions over the columns of a source row: a subset of SQL that reaches nothing else.

`parsing` reads them by a grammar of its own, `compiling` checks kinds and writes the SQL; no text
of a user becomes SQL otherwise than as a quoted name or literal. `docs/expressions.md` lists what
there is.
"""

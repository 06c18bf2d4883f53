"""Finding the pairs of records that belong together.

What compares is a `Matcher` (`contract`): records of entities in, scored pairs out. `rules` is one;
`registered` lists them all.
"""

"""What a refresh reads: which files an entity has, how they are written, and what is in them.

A way to write files is one `SourceFormat`: a module with a class of that contract, and a line in
`formats`.
"""

"""Projects to begin with.

`overtide init DIR --example contoso|retail|blank` copies one of these folders.
"""

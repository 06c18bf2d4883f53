"""Finding the pairs of records that belong together."""

"""OData v4 over the tables of the lake; the library `odatapy` is used here and nowhere else."""

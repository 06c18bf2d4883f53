"""Models of the configuration, schemas of every table and event, and the rules of values and names."""

"""Models of the configuration, schemas of tables and events, rules of values and names."""

"""The operations over HTTP: routes, limits, errors, OpenAPI; nothing here decides anything."""

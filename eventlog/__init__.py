"""The durable log of accepted events."""

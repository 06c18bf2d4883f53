"""What the service tells of itself: usage, metrics, a log, an audit, and where it says stop."""

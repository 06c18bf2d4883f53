"""Builds and runs the Beam pipelines: refresh (batch) and realtime (stream)."""

"""Accepting events and answering cards and timelines."""

"""Matching without a refresh: try rules, explain, review and learn them."""

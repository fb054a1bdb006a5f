"""Benches, and the pages computed from their results."""

"""Measures the system against the same work done by others."""

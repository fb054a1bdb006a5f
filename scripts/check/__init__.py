"""Checks that no off-the-shelf tool does."""

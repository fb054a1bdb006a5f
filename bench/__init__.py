"""What we measure, and the pages computed from it."""

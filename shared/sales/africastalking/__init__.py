"""The SMS provider: one request, and what its answer means."""

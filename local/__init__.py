"""The whole system on one machine; for development and tests, never deployed."""

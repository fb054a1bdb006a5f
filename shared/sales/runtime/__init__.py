"""The base of every function: settings, start, AWS clients, secrets, logs, metrics."""

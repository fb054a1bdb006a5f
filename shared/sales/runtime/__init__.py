"""What a function runs on: settings, start-up, AWS clients, secrets, logs, metrics."""

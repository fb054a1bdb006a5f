"""Use cases, one module each: what the API, the stream and the schedule do."""

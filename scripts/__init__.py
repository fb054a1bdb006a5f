"""Commands that build, operate and check the system."""

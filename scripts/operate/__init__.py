"""Commands for whoever operates a deployed system."""

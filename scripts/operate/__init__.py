"""Commands for operators of a deployed system."""

"""The deployed system as template.yaml describes it."""

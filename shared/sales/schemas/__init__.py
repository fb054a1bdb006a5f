"""Request bodies, one module per resource."""

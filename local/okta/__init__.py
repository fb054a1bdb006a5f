"""A stand-in for an Okta authorization server."""

"""The one error of the build."""


class BuildError(Exception):
    """The build cannot be finished; the message says what to do."""

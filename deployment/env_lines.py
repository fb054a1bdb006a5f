"""Lines of NAME=value, as in a .env file."""

from io import StringIO

from dotenv.parser import parse_stream

__all__ = ["parse_lines"]


def parse_lines(text: str, source: str) -> dict[str, str]:
    r"""Return the variables that the lines set, by python-dotenv's rules, without replacing variables in values.

    In double quotes `\n` is a line break. Raise ValueError for any other line, naming `source` and the line.
    """
    variables = {}
    for binding in parse_stream(StringIO(text)):
        if binding.error or (binding.key and binding.value is None):
            raise ValueError(f"{source}, line {binding.original.line}: write NAME=value, with quotes closed")
        if binding.key:
            variables[binding.key] = binding.value or ""
    return variables

"""The rules. Pure: the standard library only, no clock, no randomness, no settings.

Every function imports most of these modules when it starts. So small values are named tuples, which take a third of the
time that a frozen dataclass takes to define, and none compiles a pattern when it is imported.
"""

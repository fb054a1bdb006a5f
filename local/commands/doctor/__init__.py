"""`make doctor`: checks the configuration in .env and on this machine, and says how to mend what is wrong.

It exits with 1 if there is a problem. It reports, but does not check, parts that need something that is not configured or
not running. Things that only some uses need, or that we cannot be sure of, are warnings.
"""

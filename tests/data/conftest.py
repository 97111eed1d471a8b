"""What the tests of data share."""

from hypothesis import settings

# How fast an example runs depends on who else works on the machine.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")

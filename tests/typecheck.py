"""The run-time checker that pytest puts on every function of recweave."""

from beartype import BeartypeConf, beartype

# An int is welcome where a float is asked for, as everywhere in Python's typing.
checked = beartype(conf=BeartypeConf(is_pep484_tower=True))

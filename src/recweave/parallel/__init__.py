"""Work spread over workers: one call, `Pool.map`, whatever stands behind it."""

from recweave.parallel.pool import Pool, Processes, Serial, Threads

__all__ = ["Pool", "Processes", "Serial", "Threads"]

"""recweave."""

"""Models of what comes next."""

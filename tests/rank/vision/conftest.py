from planted_taste import planted  # noqa: F401 - fixtures

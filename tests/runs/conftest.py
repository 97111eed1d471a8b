from floors import recipe, shop, without_pictures  # noqa: F401 - fixtures

from teashop import ids, ranked, shop, staged, train  # noqa: F401 - fixtures

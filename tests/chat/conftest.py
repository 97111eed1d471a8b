from teashop import shop, train  # noqa: F401 - fixtures

from floors import recipe, shop, without_pictures  # noqa: F401 - fixtures
from planted import planted  # noqa: F401 - fixture

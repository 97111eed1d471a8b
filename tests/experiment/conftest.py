from floors import recipe, shop, without_pictures  # noqa: F401 - fixtures
from planted import contexts, handed, planted, stage_contexts  # noqa: F401 - fixtures

"""One trained thing that answers by itself: model, stages, ids, catalogue and histories."""

from recweave.bundle.bundle import Bundle
from recweave.bundle.lists import Recommendations

__all__ = ["Bundle", "Recommendations"]

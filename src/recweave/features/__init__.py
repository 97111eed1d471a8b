"""Features of a recipe file: `[features.NAME]` to a `Feature`."""

from recweave.features.spec import FEATURES, AnyFeature, FeatureContext, FeatureSpec, in_order

__all__ = ["FEATURES", "AnyFeature", "FeatureContext", "FeatureSpec", "in_order"]

"""What a recipe file may ask for: `[features.NAME]` to a `Feature`."""

from recweave.features.spec import FEATURES, AnyFeature, FeatureContext, FeatureSpec, in_order

__all__ = ["FEATURES", "AnyFeature", "FeatureContext", "FeatureSpec", "in_order"]

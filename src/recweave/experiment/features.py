"""The features that a recipe file asks for, made in order."""

from collections.abc import Mapping
from dataclasses import replace

from recweave.core.measure import Cost, measured
from recweave.encode import Features
from recweave.encode.categories import encode_categories
from recweave.encode.features import AnyFeature
from recweave.features import FeatureContext, FeatureSpec
from recweave.runs.keys import CATEGORIES


def make_features(
    specs: Mapping[str, FeatureSpec], context: FeatureContext
) -> tuple[Features, Mapping[str, Cost]]:
    """What the catalogue itself says of the items' categories, and what is asked for, by name.

    Args:
        specs: In order: each may read those above it.
        context: What they are made from.

    Returns:
        The features, and what each that was asked for cost.
    """
    categories = encode_categories(context.dataset)
    features: dict[str, AnyFeature] = {CATEGORIES: categories} if categories.present.any() else {}
    costs = {}
    for name, spec in specs.items():
        with measured() as costs[name]:
            features[name] = spec.build(replace(context, features=features))
    return features, costs

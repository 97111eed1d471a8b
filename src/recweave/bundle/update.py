"""Data after training: new events, new users, new items. The model itself is not trained."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from recweave.bundle.base import B, BundleBase
from recweave.core.errors import BadInput, BadSetting
from recweave.data.frames import name_of, to_polars
from recweave.data.interactions import Interactions, join
from recweave.data.schema import conform
from recweave.encode.features import AnyFeature, Feature, TextFeature
from recweave.features import FEATURES
from recweave.models.base import Model
from recweave.models.kinds import ItemScores
from recweave.rank.ranking import Stage
from recweave.rank.stages import STAGES, Extensible, StageContext, settled

TEXTS = "documents"
"""The kind of features whose texts are read again from the catalogue."""


def with_events(bundle: B, events: Any) -> B:
    """The bundle with more events in its histories; new users come with their events.

    Models read histories when they are asked, so new events count at once.

    Args:
        bundle: To start from; it stays as it is.
        events: A frame with user_id, item_id and, as far as they are known, behavior, value and
            time (or order), as in `Dataset.events`.

    Raises:
        BadInput: if the frame does not fit, an item is not in the catalogue, or only one of the
            two logs has times.
    """
    frame = conform(to_polars(events), "events", name_of(events, "the new events"))
    items = bundle.dataset.item_ids.rows(frame["item_id"])
    if (items < 0).any():
        unknown = frame["item_id"].filter(pl.Series(items < 0)).unique(maintain_order=True)
        raise BadInput(
            f"{len(unknown):,} items of the new events are not in the catalogue, the first is "
            f"'{unknown[0]}'; add them with with_items (--items) first, or drop their events"
        )
    known = bundle.dataset.user_ids
    fresh = frame["user_id"].unique(maintain_order=True)
    fresh = fresh.filter(~fresh.is_in(known.ids.implode()))
    users = pl.concat([bundle.dataset.users, pl.DataFrame({"user_id": fresh})], how="diagonal")
    dataset = bundle.dataset.replace(users=users)
    shape = (len(users), bundle.log.shape[1])
    more = Interactions(
        user=dataset.user_ids.rows(frame["user_id"]),
        item=items,
        behavior=frame["behavior"].to_physical().cast(pl.Int8).to_numpy(),
        value=frame["value"].to_numpy(),
        time=_times(bundle.log, frame),
        shape=shape,
        clock=bundle.log.clock,
    )
    return bundle.replace(dataset=dataset, log=join(_reshaped(bundle.log, shape), more))


def with_items(bundle: B, items: Any, features: Mapping[str, Feature] | None = None) -> B:
    """The bundle with more items, which the model places by their features.

    Features are computed from the items' catalogue rows as in the recipe; those of reviews or
    events are missing. Stages are fitted again for the larger catalogue; one that holds a trained
    model is extended instead.

    Args:
        bundle: To start from; it stays as it is.
        items: A frame as `Dataset.items`: item_id, and title, categories, price, … as the recipe's
            features read them.
        features: Vectors of the new items, by the names of the bundle's features, where the bundle
            cannot compute them: those of an encoder of your own, or of a server. A bundle never
            imports, runs or calls what a file names.

    Raises:
        BadInput: if the frame does not fit, or an item is in the catalogue already.
        BadSetting: if the model cannot place items, or none of its features can be made for them.
    """
    frame = conform(to_polars(items), "items", name_of(items, "the new items"))
    there = frame["item_id"].filter(frame["item_id"].is_in(bundle.dataset.item_ids.ids.implode()))
    if len(there):
        raise BadInput(
            f"{len(there):,} of the new items are in the catalogue already, the first is "
            f"'{there[0]}'; drop them"
        )
    new = {**_new_features(bundle, frame, skip=features or {}), **(features or {})}
    model = bundle.model.with_items(new, len(frame))
    if model is None:
        raise _cannot_place(bundle, new)
    catalogue = pl.concat([bundle.dataset.items, frame], how="diagonal_relaxed")
    dataset = bundle.dataset.replace(items=catalogue)
    grown_features = {
        name: _joined(feature, new.get(name), len(frame))
        for name, feature in bundle.features.items()
    }
    log = _reshaped(bundle.log, (bundle.log.shape[0], len(catalogue)))
    grown = bundle.replace(
        model=model,
        dataset=dataset,
        log=log,
        features=grown_features,
        fallback=_padded(bundle.fallback, len(frame)),
    )
    return grown.replace(stages=_stages(grown, new, len(frame)))


def _times(log: Interactions, frame: pl.DataFrame) -> np.ndarray:
    timed = len(frame) - frame["time"].null_count()
    if log.clock == "seconds":
        if timed < len(frame):
            raise BadInput(
                f"{len(frame) - timed:,} of {len(frame):,} new events have no time, but the "
                "bundle's log is in seconds; give a column 'time'"
            )
        return np.asarray(frame["time"].to_numpy())
    if timed:
        raise BadInput("the bundle's log has only an order; leave the column 'time' out")
    return np.asarray(int(log.time.max(initial=0)) + 1 + np.arange(len(frame)))


def _reshaped(log: Interactions, shape: tuple[int, int]) -> Interactions:
    return Interactions(
        log.user, log.item, log.behavior, log.value, log.time, shape=shape, clock=log.clock
    )


def _new_features(
    bundle: BundleBase, items: pl.DataFrame, skip: Collection[str]
) -> dict[str, AnyFeature]:
    """Vectors and texts of the new items by feature name, as far as they can be made."""
    # A bundle that gets no items needs no encoder.
    from recweave.encode.images.encoder import IMAGE_ENCODERS
    from recweave.encode.text import ENCODERS

    listed = {*ENCODERS, *IMAGE_ENCODERS}
    features: dict[str, AnyFeature] = {}
    for name, settings in bundle.about.get("features", {}).items():
        encoder = settings.get("encoder")
        is_text = settings["kind"] == TEXTS
        if (name not in bundle.features and not is_text) or name in skip:
            continue
        if encoder is not None and not {part.strip() for part in encoder.split("+")} <= listed:
            continue  # a file must not decide that code is imported or a server is called
        # The kind comes out of a file, so it must be a listed name: a path would be imported.
        spec = FEATURES.named(settings["kind"]).parse(
            settings, f"the feature '{name}'", names_only=True
        )
        feature = spec.of_new_items(items)
        if feature is None:
            continue
        features[name] = feature
        if isinstance(feature, TextFeature):
            continue  # texts are in the catalogue, not in the bundle
        old = bundle.features[name]
        if same_space(feature.encoder) != same_space(old.encoder):
            raise BadSetting(
                f"the feature '{name}' was made by {old.encoder}, and here {feature.encoder} "
                "would make that of the new items; their vectors cannot be compared"
            )
    return features


def same_space(encoder: str) -> str:
    """The name of an encoder without its precision: vectors in bf16 and fp32 are compared."""
    return encoder.removesuffix("/bf16").removesuffix("/fp32")


def _cannot_place(bundle: BundleBase, new: Mapping[str, AnyFeature]) -> BadSetting:
    """Why the model places nothing, and what to do."""
    described = bundle.about.get("features", {})
    lost = [name for name in bundle.features if name not in new]
    if type(bundle.model).with_items is Model.with_items:
        why = "this kind of model scores only items that have events, whatever their features"
    elif not bundle.features:
        why = "it reads no features of items"
    elif not lost:
        why = "it does not place items by " + ", ".join(new)
    else:
        made_by = {name: bundle.features[name].encoder for name in lost}
        reasons = [
            f"{name} ({made_by[name]})" if name in described else f"{name} (by hand)"
            for name in lost
        ]
        if any(encoder.startswith("tfidf") for encoder in made_by.values()):
            reasons.append("as tfidf vectors depend on all texts of the catalogue")
        why = f"no vectors of new items can be made of {', '.join(reasons)}"
    return BadSetting(
        f"the model {bundle.name} cannot place items that it has never seen: {why}. Fit it again "
        "with the new items, give their vectors (with_items(items, features=…)), or fit a model "
        "that reads features of the catalogue, such as ease with a text feature by minilm"
    )


def _joined(old: Feature, new: AnyFeature | None, count: int) -> Feature:
    vectors = np.zeros((count, old.vectors.shape[1]), np.float32)
    present = np.zeros(count, bool)
    if isinstance(new, Feature):
        vectors, present = new.vectors, new.present
    return replace(
        old,
        vectors=np.concatenate([old.vectors, vectors]),
        present=np.concatenate([old.present, present]),
    )


def _padded(fallback: Any, count: int) -> Any:
    """New items come last in the fallback, as they have no events."""
    if not isinstance(fallback, ItemScores):
        raise BadSetting(f"the fallback {type(fallback).__name__} cannot take new items")
    least = fallback.value.min(initial=0) - 1
    return ItemScores(np.append(fallback.value, np.full(count, least, np.float32)))


def _stages(bundle: BundleBase, new: Mapping[str, AnyFeature], count: int) -> tuple[Stage, ...]:
    """The stages for the items that there are now: extended, or fitted again as they were settled.

    Args:
        bundle: Without new stages.
        new: Vectors of the new items.
        count: Number of new items.
    """
    settings = bundle.about.get("stages", [])
    if len(settings) != len(bundle.stages):
        raise BadSetting("the bundle's stages cannot be fitted again for new items; fit it again")
    context = StageContext(
        dataset=bundle.dataset, train=bundle.log, features=bundle.features, model=bundle.model
    )
    recipes = [
        STAGES.named(one["kind"]).parse(one, "the bundle's stage", names_only=True)
        for one in settings
    ]
    return tuple(
        stage.with_items(new, count) if isinstance(stage, Extensible) else recipe.fit(context)
        for recipe, stage in zip(settled(recipes, bundle.stages), bundle.stages, strict=True)
    )

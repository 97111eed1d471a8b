"""Items found by words: in their texts, or in their pictures by a joint text-image model."""

from collections.abc import Sequence

import numpy as np
import polars as pl
from jaxtyping import Float

from recweave.bundle.base import BundleBase
from recweave.bundle.lists import Recommendations
from recweave.bundle.similar import TEXT, named_feature
from recweave.bundle.update import same_space
from recweave.core.arrays import Array, unit_rows
from recweave.core.errors import BadSetting
from recweave.core.topk import top_k
from recweave.encode.images.encoder import JointEncoder
from recweave.encode.text import ENCODERS, TextEncoder, text_encoder
from recweave.rank.rules import Rule

WordEncoder = JointEncoder | TextEncoder


def search(
    bundle: BundleBase,
    words: str,
    k: int = 10,
    *,
    by: str = TEXT,
    encoder: WordEncoder | None = None,
    where: Sequence[Rule | str] = (),
) -> Recommendations:
    """The items whose texts or pictures fit some words best.

    Args:
        bundle: Whose catalogue.
        words: "red dress".
        k: How many items; fewer where fewer have a vector.
        by: The name of a feature, "text" for the first feature of a text encoder, or "look" for
            the first of an image encoder: the cosine of its vectors with that of the words.
        encoder: Encodes the words. It must be the one that made the feature. If not given, that of
            a feature of texts, where it is one that recweave lists; a bundle never imports, runs or
            calls what a file names, so a joint text-image model must be given.
        where: Conditions on item fields, all of which must hold.

    Raises:
        BadSetting: if there is no such feature, it was made by another encoder, the encoder is none
            of words, there are no words, or k is below 1.
    """
    if k < 1:
        raise BadSetting(f"k is {k}; it must be 1 or more")
    if not words.strip():
        raise BadSetting("there are no words to search by; give some")
    name = named_feature(bundle, by)
    feature = bundle.features[name]
    encoder = encoder or _listed(bundle, name)
    if same_space(encoder.name) != same_space(feature.encoder.removesuffix("/mean")):
        raise BadSetting(
            f"the feature '{name}' was made by {feature.encoder}, and the words would be encoded "
            f"by {encoder.name}; their vectors cannot be compared"
        )
    vector = _encoded(encoder, words)
    scores = (unit_rows(feature.vectors) @ vector).astype(np.float32)[None]
    hidden = ~feature.present
    allow = bundle.allowed(where)
    if allow is not None:
        hidden = hidden | ~allow
    scores[:, hidden] = -np.inf
    item, score = top_k(scores, min(k, scores.shape[1]))
    found = item[0] >= 0
    table = pl.DataFrame(
        {
            "words": pl.repeat(words, int(found.sum()), eager=True),
            "item_id": bundle.dataset.item_ids.ids.gather(item[0, found]),
            "rank": pl.Series(np.arange(1, found.sum() + 1), dtype=pl.Int32),
            "score": score[0, found],
            "source": pl.repeat(by, int(found.sum()), eager=True),
        }
    )
    return Recommendations(table, bundle.titles)


def _encoded(encoder: WordEncoder, words: str) -> Float[Array, " dim"]:
    if isinstance(encoder, JointEncoder):
        return np.asarray(encoder.encode_words([words])[0])
    if isinstance(encoder, TextEncoder) and not hasattr(encoder, "prepare"):
        return np.asarray(encoder.encode([words])[0])
    raise BadSetting(f"{encoder.name} encodes pictures alone; give a joint model such as CLIP")


def _listed(bundle: BundleBase, name: str) -> TextEncoder:
    """The encoder of a feature of texts, if recweave lists it."""
    settings = bundle.about.get("features", {}).get(name, {})
    encoder = settings.get("encoder", "")
    if encoder == "tfidf" or encoder not in ENCODERS or settings.get("kind") == "images":
        made_by = bundle.features[name].encoder
        raise BadSetting(
            f"the feature '{name}' was made by {made_by}; give that encoder (--encoder), if it "
            "encodes words: CLIP and SigLIP do, tfidf vectors depend on the other texts"
        )
    return text_encoder(encoder)

"""Item embeddings: learned by id, computed from content, or both, mixed by a gate."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from recweave.core.arrays import Array
from recweave.core.errors import BadSetting
from recweave.encode.features import Feature, Features, find_item_feature
from recweave.models.content import ContentMap, directions_from

ID_SCALE = 0.1
"""Initial length of an item's id embedding where a text embedding of length 1 is added to it."""

Represent = Literal["id", "text", "both"]


@dataclass(frozen=True, eq=False)
class Content:
    """The items' feature vectors (text, images, …), known without any event.

    Attributes:
        vectors: All features concatenated; each has unit length, or is zero where it is missing.
        present: Whether an item has at least one feature.
        names: Names of the features.
        means: Mean of each feature over items with train events; it is subtracted.
    """

    vectors: Float[Array, "items dims"]
    present: Bool[Array, " items"]
    names: tuple[str, ...] = ()
    means: tuple[Float[Array, " _"], ...] = ()

    @classmethod
    def of(
        cls, features: Features | None, names: tuple[str, ...], counts: Int[Array, " items"]
    ) -> "Content":
        """The content of the named features; without names the vectors have 0 dimensions.

        Args:
            features: All features by name.
            names: The features to use.
            counts: Train events of each item.

        Raises:
            BadSetting: if a feature does not exist, or is a feature of users.
        """
        item_features = [find_item_feature(features, name) for name in names]
        if not item_features:
            return cls(np.zeros((len(counts), 0), np.float32), np.zeros(len(counts), bool))
        present = np.any([feature.present for feature in item_features], axis=0)
        means = tuple(_mean(feature, counts > 0) for feature in item_features)
        parts = [
            directions_from(feature.vectors, feature.present, mean)
            for feature, mean in zip(item_features, means, strict=True)
        ]
        return cls(np.hstack(parts), np.asarray(present), names, means)


def _mean(feature: Feature, known: Bool[Array, " items"]) -> Float[Array, " dim"]:
    """The mean over items with train events: what all texts share does not distinguish items."""
    usable = feature.present & known
    if not usable.any():
        return np.zeros(feature.vectors.shape[1], np.float32)
    return np.asarray(feature.vectors[usable].mean(axis=0))


class ItemTable(nn.Module):
    """e_j = (1 − g_j) id_j + g_j W t_j.

    id_j is the item's learned embedding, t_j its content vector. The gate g_j = σ(a + b · log(1 +
    events of j)) is learned, so popular items can rely more on their id embeddings. Items without a
    train event (cold start) have no id embedding: their content alone represents them. Items
    without content have g = 0.
    """

    known: Tensor
    present: Tensor
    text: Tensor
    popularity: Tensor

    def __init__(
        self,
        counts: Int[Array, " items"],
        dim: int,
        content: Content,
        represent: Represent,
    ) -> None:
        super().__init__()
        items = len(counts)
        self.source = content
        if represent == "text" and not content.vectors.shape[1]:
            raise BadSetting('represent = "text" needs features that describe the items')
        self.has_id = represent != "text"
        self.has_text = represent != "id" and content.vectors.shape[1] > 0
        scale = dim**-0.5  # of unit length
        if self.has_id:
            # With text, an item starts near its text embedding; with little data it stays there.
            self.id = nn.Parameter(
                (ID_SCALE if self.has_text else 1) * scale * torch.randn(items, dim)
            )
            known = torch.from_numpy((counts > 0).astype(np.float32))
            self.register_buffer("known", known[:, None], persistent=False)
        if self.has_text:
            self.register_buffer("text", torch.from_numpy(content.vectors), persistent=False)
            present = torch.from_numpy(content.present.astype(np.float32))
            self.register_buffer("present", present[:, None], persistent=False)
            self.project = nn.Linear(content.vectors.shape[1], dim, bias=False)
            nn.init.normal_(self.project.weight, std=scale)
        if self.has_id and self.has_text:
            popularity = torch.from_numpy(np.log1p(counts).astype(np.float32))
            self.register_buffer("popularity", popularity[:, None], persistent=False)
            self.gate = nn.Parameter(torch.tensor([0.0, 0.0]))

    def share(self) -> Float[Tensor, "items 1"]:
        """g: the share of content in each item's vector."""
        if not self.has_text:
            return torch.zeros_like(self.known)
        if not self.has_id:
            return torch.ones_like(self.present)
        gate = torch.sigmoid(self.gate[0] + self.gate[1] * self.popularity)
        return torch.where(self.known > 0, gate, torch.ones_like(gate)) * self.present

    def content_map(self, *, unit: bool) -> ContentMap | None:
        """The map from content to vectors of items added after training; None without content.

        Args:
            unit: Whether vectors are normalized to unit length before they are compared.
        """
        if not self.has_text:
            return None
        weight = self.project.weight.detach().float().cpu().numpy()
        return ContentMap(self.source.names, self.source.means, (weight.T.copy(),), unit=unit)

    def forward(self) -> Float[Tensor, "items dim"]:
        """The vectors of all items."""
        if not self.has_text:
            return self.id * self.known
        text: Tensor = self.project(self.text)
        if not self.has_id:
            return text
        g = self.share()
        return (1 - g) * self.id * self.known + g * text

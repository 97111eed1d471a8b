"""Vectors of items as networks learn them: of their own, of their content, or both by a gate."""

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

FAINT = 0.1
"""Length of an item's own vector before training, where it has a text of length 1."""

Represent = Literal["id", "text", "both"]


@dataclass(frozen=True, eq=False)
class Content:
    """What is known of items before anybody touches them.

    Attributes:
        vectors: Of all features, side by side, each of unit length where there is one.
        present: Whether an item has any.
        names: The features.
        means: Of each over the known items, from which directions are taken.
    """

    vectors: Float[Array, "items dims"]
    present: Bool[Array, " items"]
    names: tuple[str, ...] = ()
    means: tuple[Float[Array, " _"], ...] = ()

    @classmethod
    def of(
        cls, features: Features | None, names: tuple[str, ...], counts: Int[Array, " items"]
    ) -> "Content":
        """The named features; none give vectors without numbers.

        Args:
            features: By name.
            names: Those that are wanted.
            counts: Events of each item in train.

        Raises:
            BadSetting: for a feature that is not there, or is of users.
        """
        found = [find_item_feature(features, name) for name in names]
        if not found:
            return cls(np.zeros((len(counts), 0), np.float32), np.zeros(len(counts), bool))
        present = np.any([feature.present for feature in found], axis=0)
        means = tuple(_mean(feature, counts > 0) for feature in found)
        parts = [
            directions_from(feature.vectors, feature.present, mean)
            for feature, mean in zip(found, means, strict=True)
        ]
        return cls(np.hstack(parts), np.asarray(present), names, means)


def _mean(feature: Feature, known: Bool[Array, " items"]) -> Float[Array, " dim"]:
    """The mean over known items: what all texts share says nothing of one."""
    usable = feature.present & known
    if not usable.any():
        return np.zeros(feature.vectors.shape[1], np.float32)
    return np.asarray(feature.vectors[usable].mean(axis=0))


class ItemTable(nn.Module):
    """e_j = (1 − g_j) id_j + g_j W t_j.

    The gate g_j = σ(a + b · log(1 + events of j)) is learned: popular items can afford vectors of
    their own. Items without a train event have no id and are told by their content alone; those
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
            raise BadSetting('represent = "text" needs features: name those that tell of the items')
        self.has_id = represent != "text"
        self.has_text = represent != "id" and content.vectors.shape[1] > 0
        scale = dim**-0.5  # of unit length
        if self.has_id:
            # Beside a text, an item starts as what it says: with little data it stays so.
            self.id = nn.Parameter(
                (FAINT if self.has_text else 1) * scale * torch.randn(items, dim)
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
        """g: the share of content in each vector."""
        if not self.has_text:
            return torch.zeros_like(self.known)
        if not self.has_id:
            return torch.ones_like(self.present)
        open_ = torch.sigmoid(self.gate[0] + self.gate[1] * self.popularity)
        return torch.where(self.known > 0, open_, torch.ones_like(open_)) * self.present

    def content_map(self, *, unit: bool) -> ContentMap | None:
        """What gives items that come after training their vectors; None where content is not read.

        Args:
            unit: Whether vectors are compared at unit length.
        """
        if not self.has_text:
            return None
        weight = self.project.weight.detach().float().cpu().numpy()
        return ContentMap(self.source.names, self.source.means, (weight.T.copy(),), unit=unit)

    def forward(self) -> Float[Tensor, "items dim"]:
        """All vectors."""
        if not self.has_text:
            return self.id * self.known
        text: Tensor = self.project(self.text)
        if not self.has_id:
            return text
        g = self.share()
        return (1 - g) * self.id * self.known + g * text

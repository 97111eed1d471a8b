"""The forward pass of BERT, written out: no more is needed of a network that is not trained."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from recweave.core.arrays import Array
from recweave.core.extras import require

EPS = 1e-12


@dataclass(frozen=True, eq=False)
class Bert:
    """A post-norm Transformer encoder (Devlin et al., NAACL 2019), without its pooler.

    Attributes:
        weights: Tensors by the names of the published file; query, key and value are joined.
        heads: Attention heads.
    """

    weights: Mapping[str, Any]
    heads: int

    @classmethod
    def load(cls, content: bytes, *, heads: int, bf16: bool) -> "Bert":
        """From the bytes of a safetensors file."""
        torch = require("torch", extra="text")
        weights = require("safetensors.torch", extra="text").load(content)
        kind = torch.bfloat16 if bf16 else torch.float32
        for name in [name for name in weights if ".self.query." in name]:
            parts = [name.replace("query", part) for part in ("query", "key", "value")]
            weights[name.replace("query", "qkv")] = torch.cat([weights.pop(p) for p in parts])
        for name, value in weights.items():
            if name.endswith("dense.weight") or name.endswith("qkv.weight"):
                value = value.t()  # by columns, as the product reads them: 5 % faster
            weights[name] = value.to(kind).contiguous()
        return cls(weights, heads)

    @contextmanager
    def single_threaded(self) -> Iterator[None]:
        """One thread per call inside, in the whole process: batches then run on a core each."""
        torch = require("torch", extra="text")
        before = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(before)

    def mean_state(self, tokens: Int[Array, "batch time"]) -> Float[Array, "batch dim"]:
        """The mean of the last states over the tokens that are not padding (0), of unit length."""
        torch = require("torch", extra="text")
        with torch.inference_mode():
            ids = torch.from_numpy(tokens)
            is_token = ids != 0
            state = self._embed(ids)
            bias = torch.zeros(ids.shape, dtype=state.dtype).masked_fill(~is_token, -torch.inf)
            mask = None if is_token.all() else bias[:, None, None, :]
            for layer in range(self._layers):
                state = self._layer(state, mask, f"encoder.layer.{layer}.")
            state = state.float().masked_fill(~is_token[..., None], 0)
            mean = state.sum(dim=1) / is_token.sum(dim=1, keepdim=True)
            return np.asarray(mean / mean.norm(dim=1, keepdim=True))

    def word_vectors(self) -> Float[Array, "words dim"]:
        """The embeddings of the words, without those of positions."""
        return np.asarray(self.weights["embeddings.word_embeddings.weight"].float().numpy())

    @property
    def _layers(self) -> int:
        return sum(name.endswith("self.qkv.weight") for name in self.weights)

    def _embed(self, ids: Any) -> Any:
        kinds = ("word_embeddings", "position_embeddings", "token_type_embeddings")
        word, position, kind = (self.weights[f"embeddings.{name}.weight"] for name in kinds)
        return self._norm(word[ids] + (position[: ids.shape[1]] + kind[0]), "embeddings.LayerNorm")

    def _layer(self, state: Any, mask: Any, at: str) -> Any:
        functional = require("torch.nn.functional", extra="text")
        batch, time, dim = state.shape
        joined = self._linear(state, f"{at}attention.self.qkv")  # (batch, time, 3 dim)
        heads = joined.view(batch, time, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        attended = functional.scaled_dot_product_attention(*heads, attn_mask=mask)
        attended = attended.transpose(1, 2).reshape(batch, time, dim)
        attended = self._linear(attended, f"{at}attention.output.dense")
        state = self._norm(state + attended, f"{at}attention.output.LayerNorm")
        inner = functional.gelu(self._linear(state, f"{at}intermediate.dense"))
        outer = self._linear(inner, f"{at}output.dense")
        return self._norm(state + outer, f"{at}output.LayerNorm")

    def _linear(self, x: Any, name: str) -> Any:
        torch = require("torch", extra="text")
        flat = x.reshape(-1, x.shape[-1])
        product = torch.addmm(self.weights[f"{name}.bias"], flat, self.weights[f"{name}.weight"])
        return product.view(*x.shape[:-1], -1)

    def _norm(self, x: Any, name: str) -> Any:
        functional = require("torch.nn.functional", extra="text")
        weight, bias = self.weights[f"{name}.weight"], self.weights[f"{name}.bias"]
        return functional.layer_norm(x, weight.shape, weight, bias, EPS)

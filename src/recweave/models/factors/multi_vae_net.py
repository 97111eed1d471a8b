"""Training of Multi-VAE; imports torch."""

from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import dropout, log_softmax

from recweave.core.arrays import Array
from recweave.core.errors import BadSetting
from recweave.core.memory import require_memory
from recweave.data.interactions import Histories
from recweave.models.factors.multi_vae import AutoEncoder, MultiVAE, histories
from recweave.models.nn.checkpoint import data_digests
from recweave.models.nn.device import choose_device
from recweave.models.nn.loop import train as run_loop
from recweave.models.nn.tensors import float_tensor, seeded, to_array
from recweave.models.nn.validation import Validation, validation_check
from recweave.models.training import Options, TrainingData


class VAENet(nn.Module):
    """Encoder to mean and log variance of a code, decoder to log-odds of the items."""

    def __init__(self, recipe: MultiVAE, items: int) -> None:
        super().__init__()
        sizes = (items, *recipe.hidden)
        self.encoder = nn.ModuleList(nn.Linear(*pair) for pair in pairwise(sizes))
        self.mean = nn.Linear(sizes[-1], recipe.dim)
        self.log_variance = nn.Linear(sizes[-1], recipe.dim)
        self.decoder = nn.ModuleList(
            nn.Linear(*pair) for pair in pairwise((recipe.dim, *reversed(sizes)))
        )
        self.sample = recipe.sample
        # A buffer, so that a resumed training goes on with the weight where it was.
        self.step: Tensor
        self.register_buffer("step", torch.zeros((), dtype=torch.int64))
        for layer in self.modules():
            if isinstance(layer, nn.Linear):
                nn.init.xavier_uniform_(layer.weight)
                nn.init.trunc_normal_(layer.bias, std=0.001)

    def forward(self, x: Float[Tensor, "batch items"]) -> tuple[Tensor, Tensor]:
        """The log-odds of the items, and the KL divergence of each user's code."""
        for layer in self.encoder:
            x = torch.tanh(layer(x))
        mean, log_variance = self.mean(x), self.log_variance(x)
        divergence = 0.5 * (log_variance.exp() + mean**2 - 1 - log_variance).sum(1)
        if self.training and self.sample:
            mean = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
        x = mean
        for number, layer in enumerate(self.decoder):
            x = layer(torch.tanh(x) if number else x)
        return x, divergence


def train_multi_vae(recipe: MultiVAE, data: TrainingData, options: Options) -> AutoEncoder:
    """See `Recipe.fit`.

    Raises:
        BadSetting: if no user has an event that is read.
        TooLarge: if a batch does not fit into memory.
    """
    codes = recipe.behaviors.by_code()
    events = histories(Histories.of(data.train).matrix(weights=codes))
    users = np.flatnonzero(np.diff(events.indptr))
    if not len(users):
        raise BadSetting("Multi-VAE has no events to learn from: all behaviours have the weight 0")
    items = events.shape[1]
    require_memory(
        4 * 4 * items * recipe.batch,
        f"a batch of {recipe.batch:,} users by {items:,} items",
        "set a smaller batch",
    )
    device = choose_device(options.device)
    with seeded(options.seed):
        net = VAENet(recipe, items)
    validation = Validation.of(data.train, data.valid)
    steps = -(-len(users) // recipe.batch)

    def batches(rng: np.random.Generator) -> list[Array]:
        return np.array_split(rng.permutation(users), steps)

    def loss(rows: Int[Array, " batch"]) -> Tensor:
        x = float_tensor(events[rows].toarray(), device)
        logits, divergence = net(dropout(x, recipe.dropout))
        likelihood = (log_softmax(logits.float(), dim=1) * (x > 0)).sum(1)
        rising = min(1.0, int(net.step) / (recipe.anneal * steps)) if recipe.anneal else 1.0
        net.step += 1
        mean: Tensor = (recipe.beta * rising * divergence - likelihood).mean()
        return mean

    run_loop(
        net,
        batches,
        loss,
        recipe,
        options=options,
        validate=validation_check(validation, lambda: trained(net, codes)),
        description=data_digests(data),
    )
    return trained(net, codes)


def trained(net: VAENet, codes: Float[Array, " behaviors"]) -> AutoEncoder:
    """The current network as a model."""
    layers = [*net.encoder, net.mean, *net.decoder]
    weights = [np.ascontiguousarray(to_array(layer.weight).T) for layer in layers]
    biases = [to_array(layer.bias) for layer in layers]
    last, bias = weights.pop(), biases.pop()
    item = np.ascontiguousarray(np.hstack([last.T, bias[:, None]]))
    return AutoEncoder(item, tuple(weights), tuple(biases), len(net.encoder), codes)

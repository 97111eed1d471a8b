"""Hugging Face vision models of a few thousand random weights, written to a folder."""

SIDE = 32
SIZE = dict(hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2)
SEEN = SIZE | dict(image_size=SIDE, patch_size=16)
WORDS = ["<pad>", "<unk>", "</s>", "red", "blue", "dress", "a"]
READ = SIZE | dict(
    vocab_size=len(WORDS), max_position_embeddings=8, eos_token_id=2, pad_token_id=0, bos_token_id=1
)
SQUARE = {"height": SIDE, "width": SIDE}


def tokenizer():
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    words = {word: row for row, word in enumerate(WORDS)}
    made = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.post_processor = processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", 2)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=made, pad_token="<pad>", unk_token="<unk>", eos_token="</s>"
    )


def parts(family):
    """The model and the image processor of a family."""
    import transformers as t

    shorter = {"shortest_edge": SIDE}
    made = {
        "resnet": lambda: (
            t.ResNetModel(
                t.ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1])
            ),
            t.ConvNextImageProcessorPil(size=shorter),
        ),
        "vit": lambda: (t.ViTModel(t.ViTConfig(**SEEN)), t.ViTImageProcessorPil(size=SQUARE)),
        "dinov2": lambda: (
            t.Dinov2Model(t.Dinov2Config(**SEEN)),
            t.BitImageProcessorPil(size=shorter, crop_size=SQUARE),
        ),
        "clip": lambda: (
            t.CLIPModel(t.CLIPConfig(text_config=READ, vision_config=SEEN, projection_dim=8)),
            t.CLIPImageProcessorPil(size=shorter, crop_size=SQUARE),
        ),
        "siglip": lambda: (
            t.SiglipModel(t.SiglipConfig(text_config=READ, vision_config=SEEN)),
            t.SiglipImageProcessorPil(size=SQUARE),
        ),
    }  # fmt: skip
    return made[family]()


def write(family, folder, model=None):
    """Write a family's model; another one of its kind if given."""
    import torch

    torch.manual_seed(1)
    own, processor = parts(family)
    (model or own).save_pretrained(folder)
    processor.save_pretrained(folder)
    if family in ("clip", "siglip"):
        tokenizer().save_pretrained(folder)
    return folder


CLASSES = {0: "cat", 1: "dog", 2: "N/A"}


def detector(family, folder):
    """Write a detector of a family with three classes."""
    import torch
    import transformers as t

    torch.manual_seed(3)
    heads = dict(encoder_attention_heads=2, decoder_attention_heads=2, num_queries=5, d_model=16)
    layers = dict(encoder_ffn_dim=16, decoder_ffn_dim=16, decoder_layers=1, id2label=CLASSES)
    small = dict(embedding_size=8, layer_type="basic")
    if family == "yolos":
        size = SEEN | dict(image_size=[SIDE, SIDE], num_detection_tokens=5)
        net = t.YolosForObjectDetection(t.YolosConfig(**size, id2label=CLASSES))
        processor = t.YolosImageProcessorPil(size=SQUARE)
    elif family == "detr":
        backbone = t.ResNetConfig(
            hidden_sizes=[8, 16], depths=[1, 1], out_features=["stage2"], **small
        )
        config = t.DetrConfig(backbone_config=backbone, encoder_layers=1, **heads, **layers)
        net = t.DetrForObjectDetection(config)
        processor = t.DetrImageProcessorPil(size={"shortest_edge": SIDE, "longest_edge": 2 * SIDE})
    else:
        stages = ["stage2", "stage3", "stage4"]
        backbone = t.RTDetrResNetConfig(
            hidden_sizes=[8, 8, 16, 16], depths=[1] * 4, out_features=stages, **small
        )
        config = t.RTDetrConfig(
            backbone_config=backbone, encoder_hidden_dim=16, encoder_in_channels=[8, 16, 16],
            decoder_in_channels=[16] * 3, num_denoising=0, **heads, **layers,
        )  # fmt: skip
        net = t.RTDetrForObjectDetection(config)
        processor = t.RTDetrImageProcessorPil(size=SQUARE)
    net.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder

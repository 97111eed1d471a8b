"""An encoder-decoder of Hugging Face's format, such as T5, opened like a causal model."""

from typing import ClassVar

from recweave.core.errors import BadSetting
from recweave.llm.pretrained import LanguageModel


class EncoderDecoderModel(LanguageModel):
    """The class of transformers that opens it is another, and so are its blocks.

    Raises:
        BadSetting: if only some of its blocks are asked for.
    """

    kind: ClassVar[str] = "AutoModelForSeq2SeqLM"

    def __post_init__(self) -> None:
        if self.layers:
            raise BadSetting(f"{self.folder.name} is an encoder-decoder; leave `layers` at 0")

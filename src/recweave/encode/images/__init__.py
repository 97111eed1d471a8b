"""Pictures to vectors (image embeddings), and to the names of what they show."""

from recweave.encode.images.encoder import ImageEncoder, image_encoder
from recweave.encode.images.items import encode_images

__all__ = ["ImageEncoder", "encode_images", "image_encoder"]

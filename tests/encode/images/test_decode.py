"""Pictures of all kinds, made here: what is read of each, and what is refused with which words."""

import struct
import zlib
from io import BytesIO

import numpy as np
import pytest

from recweave.encode.images.decode import BadPicture, decode, remark, resized

Image = pytest.importorskip("PIL.Image")

RED, BLUE = (200, 30, 40), (20, 40, 210)


def saved(picture, kind="PNG", **options):
    file = BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def photograph(size=(64, 48), colour=RED):
    return Image.new("RGB", size, colour)


def mean_colour(picture):
    return np.asarray(picture, float).reshape(-1, 3).mean(axis=0)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "GIF"])
def test_each_common_format_is_read_as_rgb_without_a_remark(kind):
    picture, what = decode(saved(photograph(), kind), 32)
    assert picture.mode == "RGB"
    assert what is None
    assert np.abs(mean_colour(picture) - RED).max() < 6


def test_cmyk_is_converted_and_remarked():
    content = saved(photograph().convert("CMYK"), "JPEG")
    picture, what = decode(content, 32)
    assert "CMYK" in what
    assert remark(content) == what
    assert np.abs(mean_colour(picture) - RED).max() < 12


def test_of_an_animation_the_first_frame_is_used():
    frames = [photograph(colour=BLUE), photograph(colour=RED)]
    content = saved(frames[0], "GIF", save_all=True, append_images=frames[1:])
    picture, what = decode(content, 32)
    assert "first frame" in what
    assert np.abs(mean_colour(picture) - BLUE).max() < 6


def test_what_is_transparent_becomes_white_also_in_palettes():
    clear = Image.new("RGBA", (20, 20), (0, 0, 0, 0))
    assert mean_colour(decode(saved(clear), 20)[0]).tolist() == [255, 255, 255]
    palette = Image.new("P", (20, 20), 0)
    palette.putpalette([0, 0, 0] * 256)
    content = saved(palette, transparency=0)
    assert mean_colour(decode(content, 20)[0]).tolist() == [255, 255, 255]


def test_sixteen_bits_are_scaled_not_clipped():
    grey = Image.fromarray(np.full((20, 20), 128 << 8, np.uint16))
    assert mean_colour(decode(saved(grey), 20)[0]).tolist() == [128, 128, 128]


def test_a_camera_that_was_turned_gives_an_upright_picture():
    lying = photograph((40, 20))
    exif = Image.Exif()
    exif[0x0112] = 6  # the top of what was seen is at the right
    assert decode(saved(lying, "JPEG", exif=exif), 20)[0].size == (20, 40)


def test_a_tiny_picture_is_used_with_a_remark():
    picture, what = decode(saved(photograph((3, 200))), 32)
    assert picture.size == (3, 200)
    assert "smaller than 16 pixels" in what


def test_large_jpegs_are_decoded_smaller_but_never_below_what_is_needed():
    picture, _ = decode(saved(photograph((2000, 1600)), "JPEG"), 100)
    assert 200 <= picture.height <= 400


def huge():
    """A PNG that says it has 50,000 x 50,000 pixels; a few bytes long."""

    def chunk(kind, body):
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n"
    return start + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"<html>not found</html>", "is not a picture"),
        (saved(photograph((300, 300)), "JPEG")[:900], "is cut off"),
        (saved(photograph((300, 300)))[:60], "is cut off|is damaged|not a picture"),
        (huge(), "more than 80 million pixels"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_reason(content, words):
    with pytest.raises(BadPicture, match=words):
        decode(content, 32)


def test_bytes_changed_anywhere_give_a_picture_or_a_reason_and_no_other_error():
    rng = np.random.default_rng(0)
    noise = Image.fromarray(rng.integers(0, 255, (40, 40, 3), dtype=np.uint8))
    good = [saved(noise, kind) for kind in ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")]
    outcomes = set()
    for content in good:
        for _ in range(60):
            changed = bytearray(content)
            for place in rng.integers(0, len(changed), 8):
                changed[place] = rng.integers(256)
            try:
                decode(bytes(changed), 32)
                outcomes.add("picture")
            except BadPicture:
                outcomes.add("reason")
    assert outcomes == {"picture", "reason"}


def test_squares_are_cropped_padded_or_stretched():
    pixels = np.zeros((20, 60, 3), np.uint8)
    pixels[:, :20], pixels[:, 20:40], pixels[:, 40:] = RED, BLUE, RED
    wide = Image.fromarray(pixels)
    assert (resized(wide, 20, "crop") == BLUE).all()
    stretched = resized(wide, 30, "stretch")
    assert stretched.shape == (30, 30, 3)
    assert (stretched[:, 15] == BLUE).all()
    padded = resized(wide, 30, "pad")
    assert padded.shape == (30, 30, 3)
    assert (padded[0, 15] == BLUE).all()  # the edge goes on above it
    assert (padded[0, 2] == RED).all()

"""What a fast reader would misread is found wherever it stands in a file."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recweave.data.readers import care
from recweave.data.readers.care import needs_care

PATTERNS = {
    ",": rb'\0|\r(?=[^\n])|\\"|(?:^|[\n,])""[^"\r\n,]',
    "": rb"\0|\r(?=[^\n])",
}


def by_pattern(text, separator):
    """The same by regular expressions, which take ten times as long as reading."""
    left_open = bool(separator) and text.count(b'"') % 2 == 1
    return left_open or re.search(PATTERNS[separator], text) is not None


letters = st.sampled_from([b'"', b'"', b",", b"\n", b"a", b"a", b"a", b"\\", b"\r\n", b"\r", b"\0"])
texts = st.lists(letters, min_size=1, max_size=40).map(b"".join)


@given(text=texts, size=st.integers(1, 9), separator=st.sampled_from(sorted(PATTERNS)))
@settings(deadline=None, max_examples=400)
def test_it_is_found_across_the_borders_of_blocks(tmp_path_factory, text, size, separator):
    path = tmp_path_factory.getbasetemp() / "text.csv"
    path.write_bytes(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(care, "_BLOCK", size)
        patch.setattr(care, "HEAD", size)
        cut = text[-1:].decode(errors="replace") == separator
        assert needs_care(path, separator) == (by_pattern(text, separator) or cut)
    assert needs_care(text, separator) == by_pattern(text, separator)


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_empty_cells_in_quotes_and_doubled_quotes_need_none(tmp_path, ends):
    path = tmp_path / "log.csv"
    lines = ["user_id,item_id,note", '1,a,""', '2,"b","say ""hi"""', '"",c,""""']
    path.write_text(ends.join(lines) + ends, newline="")
    assert not needs_care(path, ",")

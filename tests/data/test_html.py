import polars as pl
import pytest

from recweave.data import html
from recweave.data.html import strip_html, strip_html_column


@pytest.mark.parametrize(
    ("raw", "plain"),
    [
        ("plain", "plain"),
        ("I <3 it, a < b and c > d", "I <3 it, a < b and c > d"),
        ("<b>bold</b>move", "bold move"),
        ("a<script>var x = '<b>';</script>b<style>p{}</style>c<!-- no -->d", "a b c d"),
        ("Caf&eacute; &#39;n&#39; &#x41; &amp;lt;", "Café 'n' A &lt;"),
        ("one\r\n\r\n  two\t\tthree", "one\ntwo three"),
        ("<p>", ""),
    ],
)
def test_markup_goes_and_words_stay(raw, plain):
    assert strip_html(raw) == plain


def test_a_column_is_cleaned_like_its_cells():
    cells = ["a &amp; b", None, "plain", "<i>x</i>"]
    texts = pl.DataFrame({"t": cells}).select(strip_html_column(pl.col("t"))).to_series()
    assert texts.to_list() == ["a & b", None, "plain", "x"]


@pytest.mark.parametrize(
    "left_open", ["<script>" * 8_000, "</script>" + "<script>" * 8_000, "-->" + "<!--" * 8_000]
)
def test_marks_that_never_close_cost_no_pass_each(left_open, monkeypatch):
    """The pattern of a whole script never sees what follows the last end."""
    seen = []

    class Counted:
        def __init__(self, pattern):
            self.pattern = pattern

        def sub(self, new, text):
            seen.append(len(text))
            return self.pattern.sub(new, text)

    wholes = tuple((end, Counted(whole)) for end, whole in html._WHOLE)
    monkeypatch.setattr(html, "_WHOLE", wholes)
    strip_html(left_open)
    assert max(seen) < 20

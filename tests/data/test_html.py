import polars as pl
import pytest

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
    made = pl.DataFrame({"t": cells}).select(strip_html_column(pl.col("t"))).to_series()
    assert made.to_list() == ["a & b", None, "plain", "x"]

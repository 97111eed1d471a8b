"""The datasets we know by name: where they come from, under what terms, and how they are read.

An address is the publisher's own. Where a publisher asks for a form, a log-in, or has none that
stays, there is none here, and the user is told to fetch it themselves.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from recweave.core.value import Value

GROUPLENS = "GroupLens: research use; no redistribution without permission (see the README inside)"
GROUPLENS_PAPER = (
    "F. M. Harper and J. A. Konstan. The MovieLens Datasets: History and Context. TiiS 5(4), 2015."
)
UCSD = "UCSD, McAuley lab: for research; the reviews are their authors' and Amazon's"
MCAULEY_2015 = (
    "J. McAuley, C. Targett, Q. Shi, A. van den Hengel. Image-based Recommendations on Styles and "
    "Substitutes. SIGIR 2015."
)
MCAULEY_2019 = (
    "J. Ni, J. Li, J. McAuley. Justifying Recommendations using Distantly-Labeled Reviews and "
    "Fine-Grained Aspects. EMNLP 2019."
)


class File(Value):
    """A file that a publisher gives.

    Attributes:
        name: What it is called here.
        addresses: Where it is, the best first; the same file each.
        sha256: What it hashes to; None where we never saw the publisher's own file.
        unpack: Whether it is an archive whose content is meant.
    """

    name: str
    addresses: tuple[str, ...] = Field(min_length=1)
    sha256: str | None = None
    unpack: bool = False


class Layout(Value):
    """How a folder is read in which a certain file lies.

    Attributes:
        mark: The name of that file.
        source: A name in `readers.READERS`.
        options: What the reader takes.
    """

    mark: str
    source: str
    options: dict[str, Any] = Field(default_factory=dict)


class Known(Value):
    """A dataset that we know by name.

    Attributes:
        what: What it is, in a line.
        licence: The publisher's terms.
        citation: Whom to cite.
        page: Where a person can read about it and get it.
        files: What is fetched; empty where no address is known.
        layouts: How its folder is read, whichever of the forms it has.
        folder: The known dataset whose folder it is read from, where it has none of its own.
    """

    what: str
    licence: str
    citation: str
    page: str
    files: tuple[File, ...] = ()
    layouts: tuple[Layout, ...] = Field(min_length=1)
    folder: str = ""


def _movielens(name: str, sha256: str) -> File:
    address = f"https://files.grouplens.org/datasets/movielens/{name}.zip"
    return File(name=f"{name}.zip", addresses=(address,), sha256=sha256, unpack=True)


def _github(repository: str, path: str, sha256: str | None = None) -> File:
    address = f"https://raw.githubusercontent.com/{repository}/{path}"
    return File(name=path.rsplit("/", 1)[1], addresses=(address,), sha256=sha256)


def _amazon_2018(folder: str, name: str, sha256: str) -> File:
    hosts = ("jmcauley.ucsd.edu/data", "datarepo.eng.ucsd.edu/mcauley_group/data")
    addresses = tuple(f"https://{host}/amazon_v2/{folder}/{name}" for host in hosts)
    return File(name=name, addresses=addresses, sha256=sha256)


DATASETS: Mapping[str, Known] = {
    "ml-100k": Known(
        what="100,000 film ratings of 1997-98 with times, titles, genres and people's ages",
        licence=GROUPLENS,
        citation=GROUPLENS_PAPER,
        page="https://grouplens.org/datasets/movielens/100k/",
        files=(
            _movielens(
                "ml-100k", "50d2a982c66986937beb9ffb3aa76efe955bf3d5c6b761f4e3a7cd717c6a3229"
            ),
        ),
        layouts=(
            Layout(mark="u.data", source="movielens"),
            Layout(mark="ml-100k.inter", source="recbole"),
        ),
    ),
    "ml-1m": Known(
        what="a million film ratings of 2000-03 with times, titles and genres",
        licence=GROUPLENS,
        citation=GROUPLENS_PAPER,
        page="https://grouplens.org/datasets/movielens/1m/",
        files=(
            _movielens("ml-1m", "a6898adb50b9ca05aa231689da44c217cb524e7ebd39d264c56e2832f2c54e20"),
        ),
        layouts=(
            Layout(mark="ratings.dat", source="movielens"),
            Layout(mark="ml-1m.inter", source="recbole"),
        ),
    ),
    "ml-latest-small": Known(
        what="100,836 film ratings of 1996-2018 (the publisher may replace it by a newer one)",
        licence=GROUPLENS,
        citation=GROUPLENS_PAPER,
        page="https://grouplens.org/datasets/movielens/latest/",
        files=(
            _movielens(
                "ml-latest-small",
                "696d65a3dfceac7c45750ad32df2c259311949efec81f0f144fdfb91ebc9e436",
            ),
        ),
        layouts=(Layout(mark="ratings.csv", source="movielens"),),
    ),
    "amazon-musical-instruments-2014": Known(
        what="10,261 reviews of musical instruments with text (users and items with five or more)",
        licence=UCSD,
        citation=MCAULEY_2015,
        page="https://cseweb.ucsd.edu/~jmcauley/datasets/amazon/links.html",
        files=(
            File(
                name="reviews_Musical_Instruments_5.json.gz",
                addresses=(
                    "https://snap.stanford.edu/data/amazon/productGraph/categoryFiles/"
                    "reviews_Musical_Instruments_5.json.gz",
                ),
            ),
        ),
        layouts=(Layout(mark="reviews_Musical_Instruments_5.json.gz", source="amazon"),),
    ),
    "amazon-gift-cards-2018": Known(
        what="2,972 reviews of gift cards with text, and the catalogue with links between items",
        licence=UCSD,
        citation=MCAULEY_2019,
        page="https://nijianmo.github.io/amazon/",
        files=(
            _amazon_2018(
                "categoryFilesSmall",
                "Gift_Cards_5.json.gz",
                "41e1f0e50d3c1c9d7d949fb6315944c8bde51ea6b7429a29fdd0d02cbc07ef25",
            ),
            _amazon_2018(
                "metaFiles2",
                "meta_Gift_Cards.json.gz",
                "24ac90af3eb47d9c04458a61a44a76a882419190e027c6ec14ee0a993549c34a",
            ),
        ),
        layouts=(Layout(mark="Gift_Cards_5.json.gz", source="amazon"),),
    ),
    "amazon-beauty-2014-seq": Known(
        what="198,502 purchases of beauty products in order, as S3Rec and P5 cut them",
        licence=UCSD,
        citation=(
            "K. Zhou et al. S3-Rec: Self-Supervised Learning for Sequential Recommendation with "
            f"Mutual Information Maximization. CIKM 2020; after {MCAULEY_2015}"
        ),
        page="https://github.com/RUCAIBox/CIKM2020-S3Rec",
        # The titles and categories of items.tsv are nobody's publication; only our copies have it.
        files=(
            _github(
                "RUCAIBox/CIKM2020-S3Rec",
                "master/data/Beauty.txt",
                "226cce9c3105299ca0db9615d7d3fb32b3175e90da43100ae352599f0f0107b8",
            ),
            _github(
                "RUCAIBox/CIKM2020-S3Rec",
                "master/data/Beauty_item2attributes.json",
                "129e40f67486f6877eff0f5318cfa8530ee8ac23d8b0d1de04e1bb7a2ba0b2d4",
            ),
        ),
        layouts=(Layout(mark="Beauty.txt", source="sequence", options={"behavior": "purchase"}),),
    ),
    "gowalla-lightgcn": Known(
        what="a million check-ins at places, cut by the authors of LightGCN; no times, no words",
        licence="SNAP, Gowalla check-ins: research",
        citation=(
            "X. He et al. LightGCN: Simplifying and Powering Graph Convolution Network for "
            "Recommendation. SIGIR 2020."
        ),
        page="https://github.com/gusye1234/LightGCN-PyTorch",
        files=(
            _github(
                "gusye1234/LightGCN-PyTorch",
                "master/data/gowalla/train.txt",
                "0f086326b28a56c2e6dcb81d86ee72d4ccb7eed3a8d26788392356d8f51111cc",
            ),
            _github(
                "gusye1234/LightGCN-PyTorch",
                "master/data/gowalla/test.txt",
                "099a2a73924e4b754dc6efd730d764f492321b53c38eb93298850c83acf57be3",
            ),
        ),
        layouts=(Layout(mark="train.txt", source="lightgcn"),),
    ),
    "bing-news-dkn": Known(
        what="6,305 clicks on news titles with the titles not clicked; no times",
        licence="MIT (the repository's)",
        citation=(
            "H. Wang, F. Zhang, X. Xie, M. Guo. DKN: Deep Knowledge-Aware Network for News "
            "Recommendation. WWW 2018."
        ),
        page="https://github.com/hwwang55/DKN",
        files=tuple(
            # The newest files of the repository name entities otherwise than our copies do.
            _github("hwwang55/DKN", f"master/data/news/raw_{part}.txt")
            for part in ("train", "test")
        ),
        layouts=(Layout(mark="raw_train.txt", source="bing_news"),),
    ),
    "retailrocket": Known(
        what="97,381 views, carts and purchases of a shop, with 2,174 purchases held out",
        licence="CC BY-NC-SA 4.0",
        citation="Retail Rocket. Recommender system dataset. Kaggle, 2016.",
        page="https://www.kaggle.com/datasets/retailrocket/ecommerce-dataset",
        layouts=(
            Layout(mark="events.tsv", source="behaviors"),
            Layout(mark="events.csv", source="behaviors"),
        ),
    ),
    "deskdrop": Known(
        what="72,312 views, likes, bookmarks, comments and follows of articles in a company",
        licence="Kaggle: research",
        citation="G. Moreira. Articles sharing and reading from CI&T DeskDrop. Kaggle, 2017.",
        page="https://www.kaggle.com/datasets/gspmoreira/articles-sharing-reading-from-cit-deskdrop",
        layouts=(
            Layout(
                mark="users_interactions.csv",
                source="table",
                options={
                    "events": "users_interactions.csv",
                    "columns": {
                        "user_id": "personId",
                        "item_id": "contentId",
                        "behavior": "eventType",
                        "time": "timestamp",
                    },
                    "behaviors": {
                        "VIEW": "view",
                        "LIKE": "favorite",
                        "BOOKMARK": "favorite",
                        "COMMENT CREATED": "favorite",
                        "FOLLOW": "favorite",
                    },
                },
            ),
        ),
    ),
    "zomato-hyderabad": Known(
        what="10,000 reviews of 100 restaurants with text, and what the restaurants serve",
        licence="not verified",
        citation="Zomato restaurants in Hyderabad. Kaggle.",
        page="https://www.kaggle.com/datasets (search: Zomato Hyderabad reviews)",
        layouts=(Layout(mark="reviews.csv", source="zomato"),),
    ),
    "yelp-boston-tips": Known(
        what="24,424 dated tips on 1,930 businesses with their attributes",
        licence="Yelp dataset terms: academic use, no redistribution",
        citation="Yelp Open Dataset.",
        page="https://business.yelp.com/data/resources/open-dataset/",
        layouts=(Layout(mark="yelp_tip.json.gz", source="yelp"),),
    ),
    "mind-subset": Known(
        what="5,000 impressions of news with times, and 2,000 articles",
        licence="Microsoft Research licence: non-commercial research",
        citation="F. Wu et al. MIND: A Large-scale Dataset for News Recommendation. ACL 2020.",
        page="https://msnews.github.io/",
        layouts=(Layout(mark="behaviors.tsv", source="mind"),),
    ),
    "mind-titles": Known(
        what="6,936 impressions of news with times; every shown or read article with its title",
        licence="Microsoft Research licence: non-commercial research",
        citation="F. Wu et al. MIND: A Large-scale Dataset for News Recommendation. ACL 2020.",
        page="https://msnews.github.io/",
        layouts=(Layout(mark="behaviors.tsv", source="mind"),),
    ),
    "nemig-en": Known(
        what="15,000 impressions of news about migration, without times, and 10,814 articles",
        licence="CC BY-NC-SA 4.0",
        citation="A. Iana et al. NeMig: A Bilingual News Collection and Knowledge Graph about "
        "Migration. INRA 2023.",
        page="https://github.com/andreeaiana/nemig",
        layouts=(Layout(mark="behaviors.tsv", source="nemig"),),
    ),
    "criteo-tiny": Known(
        what="1,999 impressions of advertisements with 418 clicks, and 1,999 without labels",
        licence="CC BY-NC-SA 4.0",
        citation="Criteo AI Lab. Criteo Display Advertising Challenge. Kaggle, 2014.",
        page="https://www.kaggle.com/c/criteo-display-ad-challenge",
        layouts=(Layout(mark="train.tiny.csv", source="criteo"),),
    ),
    "ml-100k-posters": Known(
        what="ml-100k with posters of 1,663 of its films, and overviews; needs ml-100k beside it",
        licence="the studios' artwork: research on one's own machine",
        citation="The Movie Database (TMDB), https://www.themoviedb.org.",
        page="https://www.themoviedb.org/",
        layouts=(Layout(mark="posters.zip", source="movielens_posters"),),
    ),
    "fashion-photos": Known(
        what="5,000 catalogue photographs of fashion with category and colour; no events",
        licence="MIT, as its publisher's page says",
        citation="P. Aggarwal. Fashion Product Images (Small). Kaggle, 2019.",
        page="https://www.kaggle.com/datasets/paramaggarwal/fashion-product-images-small",
        layouts=(Layout(mark="styles.csv", source="photos"),),
    ),
    "photo-shop": Known(
        what="SIMULATED people with planted tastes in the real catalogue of fashion-photos",
        licence="catalogue: MIT, as its publisher's page says; what is simulated: CC0",
        citation="P. Aggarwal. Fashion Product Images (Small). Kaggle, 2019.",
        page="https://www.kaggle.com/datasets/paramaggarwal/fashion-product-images-small",
        layouts=(Layout(mark="styles.csv", source="photo_shop"),),
        folder="fashion-photos",
    ),
}

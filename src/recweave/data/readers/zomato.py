"""Zomato's restaurants and reviews (Kaggle, Hyderabad)."""

from pathlib import Path

from recweave.data.readers.columns import ids, text, texts, time
from recweave.data.readers.delimited import Delimited
from recweave.data.readers.files import files_of, pick, pick_one
from recweave.data.readers.numbers import number, price
from recweave.data.readers.plan import Plan, Sheet


def zomato(path: Path) -> Plan:
    """Zomato's restaurants in Hyderabad: the folder of `reviews.csv` and `restaurants.csv`.

    Kaggle's longer names for them do too. Restaurants and reviewers go by their names. A rating of
    `Like` is no number: its event is a `favorite`. Rows without reviewer, text and rating are
    padding, and noted. A restaurant's price is the cost of a meal for two, in rupees; its
    categories are its cuisines.
    """
    files = files_of(path)
    reviews = {
        "user_id": ids("Reviewer"),
        "item_id": ids("Restaurant"),
        "rating": number("Rating", low=1, high=5, absent=("Like",)),
        "text": text("Review"),
        "time": time("Time", "%m/%d/%Y %H:%M"),
    }
    log = pick_one(files, path, "reviews.csv", "*eviews.csv")
    padding = ("Reviewer", "Review", "Rating")
    sheets = [Sheet("reviews", log, Delimited(), reviews, padding=padding)]
    if places := pick(files, "restaurants.csv", "*names and Metadata.csv"):
        items = {
            "item_id": ids("Name"),
            "title": text("Name"),
            "price": price("Cost"),
            "categories": texts("Cuisines", by=","),
            "collections": texts("Collections", by=","),
            "link": text("Links"),
            "timings": text("Timings"),
        }
        sheets.append(Sheet("items", places, Delimited(), items))
    return Plan(path.stem, sheets)

"""What other people call our columns, tables and behaviours."""

import re
from collections.abc import Mapping, Sequence

from recweave.data.schema import BEHAVIORS

_COLUMNS: Mapping[str, str] = {
    "user_id": "user userid uid user_no customer customerid customerno customernumber cust "
    "custid client clientid visitor visitorid member memberid account accountid reviewerid "
    "reviewer buyer buyerid shopper shopperid person personid profileid msno authorid author "
    "kundennummer kundenid kunde kundennr cardid session sessionid usersession",
    "item_id": "item itemid iid itemno product productid productno productcode prodid sku "
    "asin parentasin article articleid articleno artikel artikelnummer artikelnr stockcode "
    "movie movieid film filmid book bookid isbn isbn13 track trackid song songid newsid game "
    "gameid appid business businessid gmapid listing listingid offerid goodsid contentid "
    "content recipeid animeid videoid podcastid courseid restaurantid hotelid upc ean gtin "
    "itemcode",
    "behavior": "behavior behaviour event eventtype eventname action actiontype behaviortype "
    "behaviourtype interaction interactiontype kind type",
    "value": "value rating ratings stars star score overall bookrating reviewscore starrating "
    "grade note points",
    "time": "time timestamp ts datetime date when createdat created createdate createtime "
    "eventtime eventtimestamp eventdate invoicedate orderdate ordertime orderpurchasetimestamp "
    "purchasedate purchasetime unixreviewtime unixtime reviewtime reviewdate addedat visitedat "
    "clicktime occurredat localtime datum bestelldatum zeit tdat transactiondate",
    "title": "title name productname itemname producttitle itemtitle productdisplayname "
    "movietitle booktitle originaltitle articlename bezeichnung prodname",
    "description": "description desc productdescription details about summary overview "
    "abstract beschreibung detaildesc",
    "brand": "brand brandname manufacturer maker store vendor publisher marke hersteller",
    "price": "price unitprice listprice saleprice currentprice productprice preis priceusd "
    "priceeur discountedprice actualprice",
    "categories": "categories category genres genre tags categoryname categorycode "
    "maincategory categoryid department producttype productcategory kategorie kategorien",
    "images": "images image imageurl imurl imgurl imagelink img picture pictures thumbnail "
    "photo imageurllarge imgs",
    "text": "text review reviewtext reviewbody comment comments reviewcontent reviewcomment "
    "reviewcommentmessage reviewdescription",
    "other_id": "otherid otheritem otheritemid relateditem similaritem",
    "relation": "relation relationtype",
}
_SPELLINGS: Mapping[str, Mapping[str, int]] = {
    column: {name.replace("_", ""): place for place, name in enumerate(names.split())}
    for column, names in _COLUMNS.items()
}

_WANTED: Mapping[str, Sequence[str]] = {
    "events": ("user_id", "item_id", "behavior", "value", "time"),
    "reviews": ("user_id", "item_id", "rating", "text", "time", "images"),
    "items": ("item_id", "title", "description", "brand", "price", "categories", "images"),
    "users": ("user_id",),
    "links": ("item_id", "other_id", "relation"),
}

_TABLES: Mapping[str, str] = {
    "events": "event interaction order rating click log transaction purchase view play visit "
    "buy sale basket history invoice session behavior behaviour action",
    "items": "item product catalog catalogue movie film book article meta metadata stock song "
    "track game business recipe anime listing offer good sku artikel produkt",
    "users": "user customer member client visitor profile people kunde account buyer",
    "reviews": "review comment opinion feedback",
    "links": "link relation similar",
}

_BEHAVIORS: Mapping[str, str] = {
    "impression": "impression impressions exposure shown seen display",
    "view": "view views pv pageview detail details detailview productview viewitem "
    "viewproduct viewed visit browse look",
    "click": "click clicks clicked clk clickout open",
    "favorite": "favorite favourite fav like liked wishlist addtowishlist save saved bookmark "
    "star addtofavorites collect",
    "cart": "cart addtocart add basket addtobasket tocart atc cartadd addcart",
    "purchase": "purchase purchased buy bought transaction order ordered checkout sale pay "
    "paid conversion completed sold",
    "rating": "rating rate rated review",
}


def plain(name: str) -> str:
    """A name without capitals and signs: `Customer ID` and `customer_id` are `customerid`."""
    return re.sub(r"[\W_]", "", name).lower()


def named_columns(fields: Sequence[str], table: str) -> dict[str, str]:
    """Our columns of a table and the fields that seem to be them, each field once.

    Our own name comes first, then the commoner spelling, then the order of the fields.
    """
    found: dict[str, str] = {}
    for column in _WANTED[table]:
        spellings = _SPELLINGS.get("value" if column == "rating" else column, {})
        left = [field for field in fields if field not in found.values()]
        fitting = {f: place for f in left if (place := _place(f, spellings)) is not None}
        if column in left:
            found[column] = column
        elif fitting:
            found[column] = min(fitting, key=lambda field: fitting[field])
    return found


def _place(field: str, spellings: Mapping[str, int]) -> int | None:
    """How common a spelling a field is, whole or (`product.sku`) by the last part of its path."""
    return spellings.get(plain(field), spellings.get(plain(field.rpartition(".")[2])))


def table_of(stem: str, fields: Sequence[str]) -> str | None:
    """Which table a file seems to hold: by its columns, then by its name; None if neither says."""
    users = "user_id" in named_columns(fields, "users")
    items = "item_id" in named_columns(fields, "items")
    if users and items:
        return "reviews" if "text" in named_columns(fields, "reviews") else "events"
    if "other_id" in named_columns(fields, "links"):
        return "links"
    words = {word.rstrip("s") for word in re.findall(r"[a-z]+", stem.lower())} | {stem.lower()}
    by_name = next((table for table, of in _TABLES.items() if words & set(of.split())), None)
    if items or users:
        own = "items" if items else "users"
        return own if by_name not in ("events", "reviews") else None
    return None


def behaviors_of(words: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """What a file's words for behaviours mean, and those that are not known."""
    spellings = {word: ours for ours, theirs in _BEHAVIORS.items() for word in theirs.split()}
    spellings |= {name: name for name in BEHAVIORS}
    meanings = {word: spellings[plain(word)] for word in words if plain(word) in spellings}
    return meanings, [word for word in words if word not in meanings]


def behavior_of(stem: str) -> str | None:
    """The behaviour that all events of a file seem to be, by its name."""
    words = [
        word for part in re.findall(r"[a-z]+", stem.lower()) for word in (part, part.rstrip("s"))
    ]
    meanings, _ = behaviors_of([*words, "purchase" if "invoice" in stem.lower() else ""])
    return next(iter(meanings.values()), None)

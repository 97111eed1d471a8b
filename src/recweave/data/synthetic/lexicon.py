"""The words of the made-up shop."""

from collections.abc import Mapping

STYLES: Mapping[str, tuple[str, ...]] = {
    "sporty": (
        *("sporty", "lightweight", "breathable", "agile", "grippy"),
        *("energetic", "aerodynamic", "springy", "athletic", "racing"),
    ),
    "rustic": (
        *("rustic", "earthy", "handmade", "woven", "oaken"),
        *("weathered", "farmhouse", "homespun", "mossy", "rough-hewn"),
    ),
    "elegant": (
        *("elegant", "refined", "silky", "graceful", "polished"),
        *("timeless", "satin", "stately", "dignified", "tailored"),
    ),
    "playful": (
        *("playful", "cheerful", "bouncy", "bubbly", "cartoonish"),
        *("silly", "giddy", "zany", "frolicsome", "whimsical"),
    ),
    "minimal": (
        *("minimal", "uncluttered", "plain", "restrained", "pared-down"),
        *("spare", "unadorned", "quiet", "austere", "seamless"),
    ),
    "industrial": (
        *("industrial", "riveted", "rugged", "welded", "heavy-duty"),
        *("galvanised", "bolted", "steely", "raw", "hard-wearing"),
    ),
    "romantic": (
        *("romantic", "floral", "lacy", "blushing", "dreamy"),
        *("tender", "ruffled", "rosy", "delicate", "wistful"),
    ),
    "futuristic": (
        *("futuristic", "glowing", "angular", "chromed", "luminous"),
        *("cybernetic", "holographic", "orbital", "iridescent", "robotic"),
    ),
}
"""Each group of taste and the words that tell it; no word belongs to two."""

BRANDS: Mapping[str, tuple[str, ...]] = {
    "sporty": ("Velomar", "Sprintec", "Kinetra"),
    "rustic": ("Hedgerow", "Barnwick", "Tolk & Elm"),
    "elegant": ("Maison Lure", "Aldermere", "Vesper"),
    "playful": ("Pippado", "Zozo", "Wobblekin"),
    "minimal": ("Nul", "Aska", "Ensō"),
    "industrial": ("Ironside", "Brute Works", "Forge Nine"),
    "romantic": ("Rosalba", "Petit Soir", "Amarelle"),
    "futuristic": ("Xenon", "Orbix", "Halcyon-7"),
}

CATEGORIES: Mapping[str, tuple[str, float]] = {
    "bottle": ("Kitchen", 18.0),
    "cup": ("Kitchen", 12.0),
    "bag": ("Fashion", 60.0),
    "shoe": ("Fashion", 80.0),
    "hat": ("Fashion", 25.0),
    "watch": ("Fashion", 140.0),
    "umbrella": ("Fashion", 30.0),
    "lamp": ("Home", 45.0),
    "chair": ("Home", 110.0),
    "book": ("Leisure", 15.0),
}
"""What a thing can be, its department, and the usual price."""

COLOURS: Mapping[str, tuple[int, int, int]] = {
    "red": (200, 40, 45),
    "orange": (235, 130, 35),
    "yellow": (240, 205, 60),
    "green": (60, 150, 75),
    "teal": (30, 140, 150),
    "blue": (45, 90, 190),
    "purple": (125, 70, 165),
    "pink": (235, 135, 175),
    "brown": (125, 85, 55),
    "grey": (130, 135, 140),
}

ASPECTS = ("material", "colour", "size", "finish", "packaging", "delivery")
"""What reviews praise or blame."""

PRICE_TAGS = ("cheap", "fair", "overpriced")

REMARKS: Mapping[str, tuple[str, ...]] = {
    "cheap": ("A bargain at this price.", "Surprisingly cheap.", "You will not get it cheaper."),
    "fair": ("The price is fair.", "Fairly priced.", "Worth what it costs."),
    "overpriced": ("Overpriced, though.", "Far too expensive.", "Not worth the money they ask."),
}
"""What reviews say of a price."""

TITLES = ("{brand} {first} {colour} {noun}", "{brand} {noun}, {first}, {colour}")

DESCRIPTIONS = (
    "This {first} {noun} by {brand} comes in {colour}. Its {second} look goes with anything "
    "{third}.",
    "{brand} made this {colour} {noun} for people who like things {first} and {second}: {third} "
    "through and through.",
    "Truly {first}, and {second} from all sides. This {noun} comes in {colour}; {third}, as you "
    "expect of {brand}.",
)

OPENINGS: Mapping[str, tuple[str, ...]] = {
    "bad": (
        "Not for me, far too {first} and {second}.",
        "I do not like this {noun}: so {first} that I sent it back.",
    ),
    "mixed": (
        "An ordinary {noun}, rather {first}.",
        "It is {first}, as promised, and quite {second}. It does what a {noun} does.",
    ),
    "good": (
        "I love this {noun}, it is so {first} and {second}.",
        "Just as {first} as I like a {noun} to be.",
        "Wonderfully {first} and {second}, this {noun}. I would buy it again.",
    ),
}
"""How reviews of up to two stars, of three, and of more begin."""

PRAISE = ("The {aspect} is great.", "Very happy with the {aspect}.")
BLAME = ("The {aspect} let me down.", "I am not happy with the {aspect}.")

"""The words that the extractive writer knows: stop words, and example phrases of each label.

None of the phrases is taken from a dataset.
"""

import re
from collections.abc import Mapping

_FUNCTION = """
a about above after again against all almost also although always am an and another any anyone
anything are aren't around as at away back be because been before being below between both but by
can can't cannot could couldn't did didn't do does doesn't doing don't done down during each either
else enough even ever every everyone everything few for from further get gets getting go goes going
gone got had hadn't has hasn't have haven't having he he'd he'll he's her here hers herself him
himself his how however i i'd i'll i'm i've if in instead into is isn't it it'd it'll it's its
itself just later least less let lets like ll lot lots many may maybe me might mine more most much
must my myself near nearly need needed needs neither never no nobody none nor not nothing now of off
often on once one ones only onto or other others otherwise our ours ourselves out over own per
perhaps quite rather re really same shall she she'd she's should shouldn't since so some someone
something sometimes somewhat soon still such than that that's the their theirs them themselves then
there there's these they they'd they'll they're they've thing things this those though through thus
to together too toward towards two under unless until up upon us ve very via was wasn't way we we'd
we'll we're we've well were weren't what what's when where whether which while who whole whom whose
why will with within without won't would wouldn't yes yet you you'd you'll you're you've your yours
yourself yourselves three four five first second last next today yesterday year years month months
week weeks day days time times bit kind sort couple stuff people person guy guys someone
"""

_VERBS = """
add added arrive arrived ask asked became become began bought break breaks bring broke broken
brought buy buying call called came care change check come comes coming cost costs cut decide
decided enjoy enjoyed expect expected fall feel feels felt figure find finding fits found gave
give given gives giving guess had happen happened hear heard help helps hold holds hope keep keeps
kept knew know known leave left lets liked likes live looked looking looks lose lost love loved
loves made make makes making mean means mention move notice order ordered pay paid play plays put
puts read received recommend recommended replace replaced return returned review run runs said sat
save saw say says see seem seemed seems seen sell send sent set show sit sounds speak spend spent
start started stay stays stop suggest take taken takes taking talk tell think thought told took
tried try trying turn turned understand update use used uses using wait waited walk want wanted
wants went wish wonder wondering work worked working works worth write wrote
"""

_OPINIONS = """
able absolutely actual actually amazing annoying avoid awesome awful awfully bad barely basic
beautiful beautifully best better big cheap cheaper clean clear completely cool crap crappy cute
decent definitely delicious different difficult disappointed disappointing easier easily easy
enjoyable entirely especially exactly excellent expensive extra extremely fabulous fair fairly
fantastic far fast favorite favourite fine finally fine free fresh friendly full fun glad good great
greatest half happier happy hard hardly hate hated high highly honestly horrible huge impressed
incredible incredibly inexpensive instantly interesting large let likely literally little long loud
low lovely mediocre nice nicely noisy okay old ok outstanding overall overpriced perfect perfectly
personally pleasant pleased plus poor poorly possible pretty probably problem quick quickly quiet
real reasonable reasonably recommend regular right sadly satisfied seriously short simple simply
slow small solid special super superb sure surprised surprisingly terrible terribly tasty thank
thanks tiny top total totally truly ugly unfortunately unhappy used useful useless usual usually
wonderful wonderfully worse worst wrong yummy new nothing issue issues complaint complaints
"""

STOPS = frozenset(f"{_FUNCTION} {_VERBS} {_OPINIONS}".split())
"""Stop words, which no phrase contains: function words, common verbs, opinions."""

PRICE: Mapping[str, tuple[str, ...]] = {
    "overpriced": (
        "Overpriced.",
        "It is way too expensive.",
        "Not worth the money.",
        "The prices are too high.",
        "A bit pricey.",
        "You pay far too much here.",
        "Very expensive, a rip off.",
        "It costs a lot.",
        "High prices.",
    ),
    "fair": (
        "The price is fair.",
        "Reasonable prices.",
        "Good value for money.",
        "Worth the price.",
        "Reasonably priced.",
        "Worth every penny.",
        "Decent prices.",
        "It costs what it should.",
        "Good prices.",
    ),
    "cheap": (
        "Cheap.",
        "What a bargain.",
        "Very low prices.",
        "A great deal.",
        "The cheapest you can find.",
        "It costs next to nothing.",
        "Affordable and inexpensive.",
        "So cheap for so much.",
        "It is very cheap.",
    ),
}
"""Opinions on prices, by label."""

SPEAKS_OF_PRICE = re.compile(
    r"\b(over|under)?(pric\w*|cheap\w*|(in)?expensive|affordab\w*|bargain\w*|value|money|costs?|"
    r"costly|budget|bucks?|penny|steep|rip.?offs?)\b",
    re.IGNORECASE,
)
"""A sentence without such a word gets no price label, however near it is."""

MOOD: Mapping[str, tuple[str, ...]] = {
    "liked": (
        "I love it.",
        "This is great.",
        "Highly recommended, the best there is.",
        "Wonderful, I am very happy with it.",
        "Excellent quality, works perfectly.",
        "Delicious and friendly.",
    ),
    "disliked": (
        "I hate it.",
        "This is terrible.",
        "Avoid it, the worst there is.",
        "Disappointing, I am not happy with it.",
        "Poor quality, it broke at once.",
        "Awful and rude.",
    ),
}
"""Opinions of pleased and of displeased people."""

NAMING: tuple[str, ...] = ("{}", "They have {}.", "A place for {}.")
"""Sentences about a thing of a category."""

NEUTRAL: tuple[str, ...] = (
    "I bought this for my brother last year.",
    "The staff was very friendly.",
    "It arrived on Tuesday in a brown box.",
    "The sound is clear and loud.",
    "There is parking behind the building.",
    "I use it with my old one at home.",
    "The colour is a little darker than in the picture.",
    "We sat outside near the window.",
    "It comes in three sizes.",
    "Try the chicken with rice.",
    "The strap fits around my shoulder.",
    "They open at nine in the morning.",
    "It took me five minutes to set up.",
    "The plot is slow in the middle.",
    "My daughter wears it every day.",
    "The screen is bright even in the sun.",
    "It is next to the station.",
    "I have played guitar for twenty years.",
    "The handle feels solid in the hand.",
    "Service was slow on a Friday night.",
    "It smells like lavender.",
    "The instructions are in four languages.",
    "You can wash it in the machine.",
    "The waiter brought us water right away.",
    "It runs on two batteries.",
    "The author writes about her childhood.",
    "This is my second one of the same brand.",
    "Great music and a nice crowd.",
    "The zip broke after a week.",
    "Get there early because of the line.",
    "It fits my foot well.",
    "The coffee is strong and hot.",
    "I will come back with friends.",
    "The cable is long enough for a stage.",
    "It is lighter than I thought.",
    "The room was clean and quiet.",
    "The taste is sweet with a hint of lemon.",
    "They do not take reservations.",
    "I gave it four stars.",
    "The quality is very good.",
    "Great atmosphere.",
    "Delicious food!",
    "The best place ever.",
    "It is incredible.",
    "Highly recommended.",
    "Terrible, avoid it.",
    "So good!",
    "The worst experience ever.",
    "A must try.",
    "Not bad at all.",
    "Very disappointing.",
    "Excellent quality.",
    "A nice place for lunch.",
    "Worth the trip.",
    "It is too big.",
    "Too loud and too crowded.",
    "Only on weekends.",
)
"""Sentences of reviews without a price or a kind of thing, for the threshold of labels."""

HORIZONS: Mapping[str, float] = {"hours": 2.0, "weeks": 45.0, "season": 200.0}
"""Upper limits of half-lives, in days, by word; longer ones are evergreen."""

"""The recipes of all models, by name."""

from recweave.core.registry import Registry
from recweave.models.base import Recipe

RECIPES: Registry[type[Recipe]] = Registry(
    "model",
    {
        "popularity": "recweave.models.popularity:Popularity",
        "click_rate": "recweave.models.shown_items:ClickRate",
        "newest": "recweave.models.shown_items:Newest",
        "random": "recweave.models.popularity:Random",
        "item_knn": "recweave.models.neighbours.knn:ItemKNN",
        "user_knn": "recweave.models.neighbours.knn:UserKNN",
        "item_cf": "recweave.models.neighbours.item_cf:ItemCF",
        "user_cf": "recweave.models.neighbours.user_cf:UserCF",
        "t_item_cf": "recweave.models.neighbours.text_cf:TItemCF",
        "t_user_cf": "recweave.models.neighbours.text_cf:TUserCF",
        "content_knn": "recweave.models.neighbours.content:ContentKNN",
        "als": "recweave.models.factors.als:ALS",
        "bpr": "recweave.models.factors.bpr:BPR",
        "ease": "recweave.models.factors.ease:EASE",
        "slit": "recweave.models.factors.slit:SLIT",
        "multi_vae": "recweave.models.factors.multi_vae:MultiVAE",
        "biased_mf": "recweave.models.factors.mf:BiasedMF",
        "logistic": "recweave.models.ctr.logistic:Logistic",
        "boosted_trees": "recweave.models.ctr.trees:BoostedTrees",
        "dlrm": "recweave.models.ctr.dlrm:DLRM",
        "dcn": "recweave.models.ctr.dcn:DCN",
        "unified": "recweave.models.unified.recipe:Unified",
        "cllm4rec": "recweave.models.language.cllm4rec:CLLM4Rec",
        "nrms": "recweave.models.news.nrms:NRMS",
        "naml": "recweave.models.news.naml:NAML",
        "lstur": "recweave.models.news.lstur:LSTUR",
        "sasrec": "recweave.models.sequence.sasrec:SASRec",
        "gru4rec": "recweave.models.sequence.gru4rec:GRU4Rec",
        "numbered": "recweave.models.language.numbered:Numbered",
        "plus_one": "recweave.models.language.plus_one:PlusOne",
        "gf_cf": "recweave.models.graph.gfcf:GFCF",
        "lightgcn": "recweave.models.graph.lightgcn:LightGCN",
        "sgl": "recweave.models.graph.sgl:SGL",
        "pfr": "recweave.models.graph.pfr:PFR",
        "markov": "recweave.models.sequence.markov:Markov",
        "recency": "recweave.models.sequence.recency:Recency",
    },
    group="recweave.models",
    subclass_of="recweave.models.base:Recipe",
)


def class_names() -> dict[str, str]:
    """From the class name of a recipe ("EASE") to its registered name ("ease")."""
    return {path.rpartition(":")[2]: name for name, path in RECIPES.paths().items()}


def recipe_class(name: str) -> type[Recipe] | None:
    """The recipe with this class name ("EASE"); None if there is none."""
    registered = class_names().get(name)
    return None if registered is None else RECIPES[registered]

"""The door to language models: typed answers, each stored, limited, budgeted and paid for once."""

from recweave.llm.base import (
    LLM,
    BadAnswer,
    Failed,
    Message,
    Passing,
    Quarantined,
    Reply,
    Request,
    Usage,
)
from recweave.llm.budgeted import Budget, Budgeted, BudgetSpent
from recweave.llm.cached import Cached
from recweave.llm.door import Door
from recweave.llm.estimate import Estimate
from recweave.llm.limited import Limited, Limits
from recweave.llm.local import Local
from recweave.llm.retrying import Patience, Retrying
from recweave.llm.server import Server
from recweave.llm.tokens import Prices

__all__ = [
    "LLM",
    "BadAnswer",
    "Budget",
    "BudgetSpent",
    "Budgeted",
    "Cached",
    "Door",
    "Estimate",
    "Failed",
    "Limited",
    "Limits",
    "Local",
    "Message",
    "Passing",
    "Patience",
    "Prices",
    "Quarantined",
    "Reply",
    "Request",
    "Retrying",
    "Server",
    "Usage",
]

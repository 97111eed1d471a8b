"""A client for language models: typed answers, each stored, limited, and paid for once."""

from typing import TYPE_CHECKING

from recweave.core.lazy import lazy_names

if TYPE_CHECKING:
    from recweave.llm.base import (
        LLM,
        BadAnswer,
        Failed,
        Message,
        Picture,
        Quarantined,
        Reply,
        Request,
        TemporaryFailure,
        Usage,
    )
    from recweave.llm.budgeted import Budget, Budgeted, BudgetSpent
    from recweave.llm.cached import Cached
    from recweave.llm.client import LLMClient
    from recweave.llm.estimate import Estimate
    from recweave.llm.limited import Limited, Limits
    from recweave.llm.local import Local
    from recweave.llm.retrying import Retrying, RetryPolicy
    from recweave.llm.server import Server
    from recweave.llm.tokens import Prices
else:
    __getattr__ = lazy_names(
        __name__,
        {
            "base": [
                "LLM",
                "BadAnswer",
                "Failed",
                "Message",
                "Picture",
                "Quarantined",
                "Reply",
                "Request",
                "TemporaryFailure",
                "Usage",
            ],
            "budgeted": ["Budget", "Budgeted", "BudgetSpent"],
            "cached": ["Cached"],
            "client": ["LLMClient"],
            "estimate": ["Estimate"],
            "limited": ["Limited", "Limits"],
            "local": ["Local"],
            "retrying": ["Retrying", "RetryPolicy"],
            "server": ["Server"],
            "tokens": ["Prices"],
        },
    )

__all__ = [
    "LLM",
    "BadAnswer",
    "Budget",
    "BudgetSpent",
    "Budgeted",
    "Cached",
    "Estimate",
    "Failed",
    "LLMClient",
    "Limited",
    "Limits",
    "Local",
    "Message",
    "Picture",
    "Prices",
    "Quarantined",
    "Reply",
    "Request",
    "RetryPolicy",
    "Retrying",
    "Server",
    "TemporaryFailure",
    "Usage",
]

"""Whether anything a run learned from was held out: what it wrote down, and what its data say.

`audit` runs every check of `checks.CHECKS` on a finished run; `audit_texts` looks at what
`recweave enrich` wrote.
"""

from recweave.report.audit.finding import Audit, Finding
from recweave.report.audit.run import audit
from recweave.report.audit.texts import audit_texts

__all__ = ["Audit", "Finding", "audit", "audit_texts"]

"""What an audit says: findings, what was checked, and how much a leak inflated the numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from recweave.runs.summary import Comparison

Level = Literal["leak", "suspicious", "unverified", "note"]
"""How sure a finding is.

leak: Held-out data are in what the run learned from. The audit fails.
suspicious: The numbers look like it; a person must check.
unverified: Nobody can check it, so it is not called clean.
note: True, but nothing of this run reads it.
"""

LEAK, DOUBTFUL = 1, 3
"""Exit codes of `recweave audit`; 0 is clean, and 2 is an error of the command itself."""


@dataclass(frozen=True)
class Finding:
    """One thing that an audit found.

    Attributes:
        check: The check that found it.
        level: How sure it is.
        where: What it is about, such as "the feature 'leaky'".
        what: What is wrong, one plain sentence.
        count: How many rows, texts, users, … it is about.
        example: One of them.
        remedy: What to do.
        features: Features of the run that it reaches.
        stages: Stages that it reaches: the row of the table, and the stage's place, from 0.
        evidence: The numbers behind it, plain JSON.
    """

    check: str
    level: Level
    where: str
    what: str
    count: int
    example: str = ""
    remedy: str = ""
    features: tuple[str, ...] = ()
    stages: tuple[tuple[str, int], ...] = ()
    evidence: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        lines = [f"{self.where}: {self.what}"]
        lines += [f"for example: {self.example}"] if self.example else []
        lines += [f"what to do: {self.remedy}"] if self.remedy else []
        return "\n    ".join(lines)

    def to_json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "check": self.check,
            "level": self.level,
            "where": self.where,
            "what": self.what,
            "count": self.count,
            "example": self.example,
            "remedy": self.remedy,
            "features": list(self.features),
            "stages": [list(stage) for stage in self.stages],
            "evidence": dict(self.evidence),
        }


@dataclass(frozen=True)
class Audit:
    """What an audit found.

    Attributes:
        findings: Of all checks; none if the run is clean.
        checked: What was looked at, in words.
        inflated: For each row that a leak reaches and that has a twin without it (the same recipe
            but for what leaks): the twin's name, and how much better the row looks.
        seconds: What each check took.
    """

    findings: Sequence[Finding]
    checked: Sequence[str]
    inflated: Sequence[tuple[str, Comparison]] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)

    def of(self, *levels: Level) -> list[Finding]:
        """The findings of some levels."""
        return [finding for finding in self.findings if finding.level in levels]

    @property
    def exit_code(self) -> int:
        """1 with a leak; 3 with nothing worse than a suspicion or what cannot be verified; else 0.

        Notes do not count.
        """
        if self.of("leak"):
            return LEAK
        return DOUBTFUL if self.of("suspicious", "unverified") else 0

    def to_json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "clean": self.exit_code == 0,
            "exit_code": self.exit_code,
            "checked": list(self.checked),
            "findings": [finding.to_json() for finding in self.findings],
            "inflated": [
                {
                    "row": c.row,
                    "twin": twin,
                    "metric": c.metric,
                    "by": c.difference.mean,
                    "low": c.difference.low,
                    "high": c.difference.high,
                    "p": c.p,
                }
                for twin, c in self.inflated
            ],
            "seconds": {name: round(value, 3) for name, value in self.seconds.items()},
        }


@dataclass(frozen=True)
class CheckResult:
    """What one check gives.

    Attributes:
        findings: What is wrong.
        checked: What it looked at, in words, found or not.
    """

    findings: Sequence[Finding] = ()
    checked: Sequence[str] = ()

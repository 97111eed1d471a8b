"""All checks on one run."""

import time
from collections.abc import Iterator
from pathlib import Path

from recweave.core.errors import BadArtifact
from recweave.experiment.prepare import cut
from recweave.report.audit.case import Case
from recweave.report.audit.checks import CHECKS
from recweave.report.audit.finding import Audit, Finding
from recweave.report.audit.inflated import inflated
from recweave.report.audit.refit import trained_again
from recweave.runs.summary import Summary, read_run


def audit(folder: Path, *, refit: bool = False) -> Audit:
    """Look for held-out data in what a run learned from.

    The data are read and cut again as the recipe says. Then every check of `CHECKS` looks at what
    the run wrote down, and at the content of the texts, columns and histories themselves.

    Args:
        folder: A finished run.
        refit: Whether to make the features and train every row again, and compare.

    Raises:
        BadArtifact: if the folder holds no run, if its provenance is missing, or if the data is
            no longer that of the run.
    """
    summary = read_run(folder)
    findings: list[Finding] = []
    checked: list[str] = []
    checks = {**CHECKS, "trained again": trained_again} if refit else CHECKS
    seconds = dict.fromkeys(checks, 0.0)
    for case in _cases(folder, summary):
        for name, check in checks.items():
            started = time.perf_counter()
            found = check(case)
            seconds[name] += time.perf_counter() - started
            findings += found.findings
            where = "" if case.fold is None else f"fold {case.fold}: "
            checked += [f"{where}{line}" for line in found.checked]
    return Audit(findings, checked, inflated(summary, findings), seconds)


def _cases(folder: Path, summary: Summary) -> Iterator[Case]:
    base_dir = Path(summary.environment.get("base_dir", "."))
    for fold in summary.experiment.folds():
        dataset, split, _ = cut(summary.experiment, base_dir, fold)
        if dataset.fingerprint != summary.data["fingerprint"]:
            raise BadArtifact(
                f"{folder} was run on data with fingerprint {summary.data['fingerprint']}; what "
                f"'{summary.data['name']}' holds now is another ({dataset.fingerprint}); run it "
                "again"
            )
        yield Case(dataset, split, folder, summary, base_dir, fold)

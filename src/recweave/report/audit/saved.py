"""Whether the saved model of each row is the one whose numbers are reported."""

from recweave.bundle.saved import MODEL
from recweave.models.artifact import load_model, model_hash
from recweave.report.audit.case import Case
from recweave.report.audit.finding import CheckResult, Finding
from recweave.runs.folder import RunFolder

CHECK = "saved models"


def saved_models(case: Case) -> CheckResult:
    """The hash of each saved model against the one in the run's summary.

    A model that was replaced after the run, such as by one fitted on the test events too, has
    another hash. `recweave audit --refit` tells more: it trains the rows again.

    Raises:
        BadArtifact: if a saved model cannot be read.
    """
    if case.fold:  # only models of the first fold are saved
        return CheckResult()
    findings, same = [], 0
    for row in case.summary.rows:
        folder = RunFolder(case.folder).bundle(row.name)
        if not folder.is_dir():
            continue
        model, _ = load_model(folder / MODEL)
        found = model_hash(model)
        if found == row.model_hash:
            same += 1
            continue
        unknown = not row.model_hash
        findings.append(
            Finding(
                check=CHECK,
                level="unverified" if unknown else "leak",
                where=f"the saved model of '{row.name}'",
                what="the run wrote down no hash of it, so nobody can tell whether it is the model "
                "that was evaluated"
                if unknown
                else "it is not the model whose numbers are reported: it was replaced after the "
                "run, and may have learned from anything",
                count=1,
                example=f"{folder}: its hash is {found[:12]}, the run's is "
                f"{row.model_hash[:12] or 'missing'}",
                remedy="train it again with `recweave audit --refit`, or run the recipe again into "
                "a new folder",
                evidence={"hash": found, "hash_in_summary": row.model_hash},
            )
        )
    checked = [f"{same} saved models: each is the one that was evaluated"] if same else []
    return CheckResult(findings, checked)

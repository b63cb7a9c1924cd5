"""The commands that this package adds to ``ddtbench``: what is decided from stored runs. Nothing heavy here."""

from __future__ import annotations

from harness import Command

COMPARE = Command(
    "compare", "Which models differ, by how much, and on which cases.", "reports.comparing.command:compare"
)
REGRESS = Command("regress", "Is a stored run worse than another? For CI.", "reports.gating.commands:regress")
GATE = Command(
    "gate", "Run a checkpoint and a baseline, and judge it.", "reports.gating.commands:gate", asks_models=True
)
BASELINE = Command("baseline", "Keep runs to judge later ones against.", "reports.gating.baselines:app")
REPRODUCE = Command("reproduce", "A published table beside what was measured.", "reports.reproducing.command:reproduce")
CONVENTIONS = Command(
    "conventions", "The same pictures scored by every published convention.", "reports.conventions.command:conventions"
)
SCALE = Command(
    "scale", "Scaling laws with intervals, and a prediction that is scored.", "reports.scaling.command:scale"
)
CLAIMS = Command("claims", "The paper's claims: supported, refuted or undetermined.", "reports.claims.command:claims")
VIEW = Command("view", "The report in a browser, live while runs go on.", "reports.viewing.command:view")

"""What this package registers."""

from harness.contracts import Entry

ENTRIES = (
    Entry("model", "toy-adder", "toy_bench.models:open_adder", "adds, but cannot carry", provides=("Adds",)),
    Entry("model", "toy-carrier", "toy_bench.models:open_carrier", "adds and carries", provides=("Adds",)),
    Entry("model", "toy-silent", "toy_bench.models:open_silent", "does nothing at all", provides=("KeepsSilent",)),
    Entry("task", "toy-sums", "toy_bench.sums:build", "sums of two numbers; the argument says how many"),
    Entry("suite", "toy", "toy_bench.sums:suite", "both adders on forty sums"),
    Entry("data", "toy-words", "toy_bench.sums:prepare", "data that needs preparing"),
    Entry("instrument", "toy-parity", "toy_bench.sums:Parity", "is the answer even?"),
    Entry("metric", "toy-exact", "toy_bench.sums:Exact", "share of exact answers"),
    Entry("metric", "toy-even", "toy_bench.sums:Even", "share of even answers"),
)

"""What this package registers."""

from harness.contracts import (
    DataEntry,
    InstrumentEntry,
    MetricEntry,
    ModelEntry,
    ShownMetric,
    ShownModel,
    ShownTask,
    SuiteEntry,
    TaskEntry,
)

SUMS = ShownTask("sums", ("toy-exact",), verdict="toy-exact", asked=("{left} + {right}",))
CARRIER = ShownModel(colour="#0077bb", marker="o")
ENTRIES = (
    ModelEntry("toy-adder", "toy_bench.models:open_adder", "adds, but cannot carry", provides=("Adds",)),
    ModelEntry("toy-carrier", "toy_bench.models:open_carrier", "adds and carries", provides=("Adds",), shown=CARRIER),
    ModelEntry("toy-silent", "toy_bench.models:open_silent", "does nothing at all", provides=("KeepsSilent",)),
    TaskEntry("toy-sums", "toy_bench.sums:build", "sums of two numbers; the argument says how many", shown=SUMS),
    SuiteEntry("toy", "toy_bench.sums:suite", "both adders on forty sums"),
    DataEntry("toy-words", "toy_bench.sums:prepare", "data that needs preparing"),
    InstrumentEntry("toy-parity", "toy_bench.sums:Parity", "is the answer even?"),
    MetricEntry("toy-exact", "toy_bench.sums:Exact", "share of exact answers", shown=ShownMetric(order=1)),
    MetricEntry("toy-even", "toy_bench.sums:Even", "share of even answers"),
)

"""What passes between the parts: frozen values, and small Protocols that subjects, tasks, instruments and metrics
satisfy.

Conventions, everywhere:

* images at every border are float32 RGB in [0, 1], layout ``batch 3 height width``; stored images are 8-bit PNG;
* codes are int64 in ``[0, codebook_size)``, layout ``batch codes``, in the tokenizer's native order;
* ``visible`` is a bool mask ``batch codes``; ``None`` means all codes;
* ``seeds`` holds one 64-bit seed per image, so that the composition of a batch cannot change a draw; ``None`` means
  seed 0 for every image;
* time ``t`` is the share of noise: 0 is the clean image, 1 is pure noise, and **more noise means more codes visible**.

This module imports no torch: ``ddtbench list`` must answer at once.
"""

from harness.contracts.entries import (
    CatalogueEntry,
    ClaimsEntry,
    DataEntry,
    Entry,
    InstrumentEntry,
    Kind,
    MetricEntry,
    ModelEntry,
    RecipeEntry,
    StreamEntry,
    SuiteEntry,
    TaskEntry,
    TrainerEntry,
)
from harness.contracts.shown import ShownMetric, ShownModel, ShownSeries, ShownTask
from harness.contracts.stages import (
    ChecksAhead,
    Columns,
    ComputesUnits,
    HasOwnCases,
    HasSettings,
    Instrument,
    RatioMetric,
    SetMetric,
    StatedMetric,
    Task,
)
from harness.contracts.subjects import (
    AnswersQuestions,
    CodeScores,
    CodesInScales,
    CountsBits,
    Denoises,
    DrawsCodes,
    EditsImages,
    EditsWithGuidance,
    GeneratesClasses,
    GeneratesImages,
    ImageTokenizer,
    Likelihood,
    MadeElsewhere,
    ScoresAnswers,
    ScoresCodes,
    ScoresImages,
    ScoresText,
    ScoresTextInStrides,
)
from harness.contracts.training import (
    Lesson,
    Recipe,
    Trainable,
    TrainingImages,
    TrainingLessons,
    ValidationImages,
)
from harness.contracts.traits import (
    NOT_NEGATIVE,
    NOTHING_SPECIAL,
    SHARE,
    ChanceOnData,
    GivesReasons,
    HoldsFixed,
    MetricTraits,
    NotesPublished,
    SharesItsValue,
    require_read,
    traits_of,
)
from harness.contracts.values import Case, Estimate, Sample

__all__ = [
    "NOTHING_SPECIAL",
    "NOT_NEGATIVE",
    "SHARE",
    "AnswersQuestions",
    "Case",
    "CatalogueEntry",
    "ChanceOnData",
    "ChecksAhead",
    "ClaimsEntry",
    "CodeScores",
    "CodesInScales",
    "Columns",
    "ComputesUnits",
    "CountsBits",
    "DataEntry",
    "Denoises",
    "DrawsCodes",
    "EditsImages",
    "EditsWithGuidance",
    "Entry",
    "Estimate",
    "GeneratesClasses",
    "GeneratesImages",
    "GivesReasons",
    "HasOwnCases",
    "HasSettings",
    "HoldsFixed",
    "ImageTokenizer",
    "Instrument",
    "InstrumentEntry",
    "Kind",
    "Lesson",
    "Likelihood",
    "MadeElsewhere",
    "MetricEntry",
    "MetricTraits",
    "ModelEntry",
    "NotesPublished",
    "RatioMetric",
    "Recipe",
    "RecipeEntry",
    "Sample",
    "ScoresAnswers",
    "ScoresCodes",
    "ScoresImages",
    "ScoresText",
    "ScoresTextInStrides",
    "SetMetric",
    "SharesItsValue",
    "ShownMetric",
    "ShownModel",
    "ShownSeries",
    "ShownTask",
    "StatedMetric",
    "StreamEntry",
    "SuiteEntry",
    "Task",
    "TaskEntry",
    "Trainable",
    "TrainerEntry",
    "TrainingImages",
    "TrainingLessons",
    "ValidationImages",
    "require_read",
    "traits_of",
]

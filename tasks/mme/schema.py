"""MME's official schema: its columns, its fourteen subtasks, and what the Parquet file says of itself."""

from __future__ import annotations

import json

COLUMNS = ("question_id", "image", "question", "answer", "category")
FEATURES = {
    "huggingface": json.dumps(
        {
            "info": {
                "features": {
                    name: {"_type": "Image"} if name == "image" else {"dtype": "string", "_type": "Value"}
                    for name in COLUMNS
                }
            }
        }
    )
}
"""What the published file says of itself: without it, Hugging Face datasets and so lmms-eval see no pictures."""
PERCEPTION = (
    "existence",
    "count",
    "position",
    "color",
    "posters",
    "celebrity",
    "scene",
    "landmark",
    "artwork",
    "OCR",
)
COGNITION = ("commonsense_reasoning", "numerical_calculation", "text_translation", "code_reasoning")
SUBTASKS = (*PERCEPTION, *COGNITION)

"""Panels on a canvas, and the canvas as a file: fonts inside, no date, the same bytes for the same numbers."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from reports.figures.names import fitted, shortened
from reports.figures.panels import Panel
from reports.figures.style import HEAD

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

PANEL = (4.3, 3.2)
ABREAST = 4
"""Panels in a row, at most."""
TITLE = 120
"""Characters of a panel's title, at most."""
_METADATA: Mapping[str, dict[str, Any]] = {
    "svg": {"Date": None, "Creator": "ddtbench"},
    "png": {"Software": "ddtbench"},
    "pdf": {"CreationDate": None, "Creator": "ddtbench", "Producer": None},
}


def saved(
    panels: Sequence[Panel],
    forms: Sequence[str],
    settings: Mapping[str, Any],
    titled: bool = True,
    size: tuple[float, float] | None = None,
) -> dict[str, bytes]:
    """Panels side by side, drawn once, in every form; ``size`` in inches."""
    import matplotlib

    made = {}
    with matplotlib.rc_context(), warnings.catch_warnings():
        # what no font has is drawn as a box; the table spells the name
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(cast(Any, settings))  # the stubs want every name spelt out
        canvas = drawn(panels, titled, size)
        for form in forms:
            buffer = io.BytesIO()
            canvas.savefig(buffer, format=form, metadata=_METADATA[form])
            made[form] = buffer.getvalue()
    return made


def drawn(panels: Sequence[Panel], titled: bool = True, size: tuple[float, float] | None = None) -> Canvas:
    """Panels on a canvas, by matplotlib's settings as they are."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    layout = ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.06, wspace=0.06)
    columns = min(len(panels), ABREAST)
    rows = -(-len(panels) // ABREAST)
    canvas = Figure(figsize=size or (PANEL[0] * columns, PANEL[1] * rows), layout=layout)
    FigureCanvasAgg(canvas)
    for place, panel in enumerate(panels):
        axes = canvas.add_subplot(rows, columns, place + 1)
        if titled:
            room = 72 * PANEL[0] - 40
            axes.set_title(fitted(shortened(panel.title, TITLE), room, HEAD, bold=True), parse_math=False)
        panel.draw(axes)
    return canvas

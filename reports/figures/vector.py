"""SVG as matplotlib writes it, made to follow its surroundings: a file by itself, and a panel inside a page."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from reports.figures.style import LIGHT, on_dark

OURS = ("ground", "ink", "muted", "hair", "control", "pale")


def with_dark(svg: bytes) -> bytes:
    """A file whose colours change on a dark ground, the paper's among them. They stay written where they were, so that
    what reads no style sheet (a word processor, LaTeX) sees the light ones; so does paper."""
    text = svg.decode()
    used = sorted(set(re.findall(r"(fill|stroke): (#[0-9a-f]{6})", text)))
    other = on_dark(colour for _, colour in used if colour not in LIGHT.values())
    rules = [
        f'[style*="{kind}: {colour}"] {{ {kind}: {other[colour]} !important }}'
        for kind, colour in used
        if colour in other
    ]
    sheet = "@media screen and (prefers-color-scheme: dark) {\n" + "\n".join(rules) + "\n}"
    return text.replace("</style>", sheet + "</style>", 1).encode()


def for_page(svg: bytes, prefix: str, colours: Mapping[str, str] = MappingProxyType({})) -> str:
    """A panel for a page: text in the page's font, ink the page's, ids unique by ``prefix``, width the page's.

    ``colours`` maps hex colours of models to what the page calls them (``var(--m0)``), so that both grounds suit them.
    """
    text = svg.decode()
    text = re.sub(r"<!--.*?-->", "", text[text.index("<svg") :], flags=re.DOTALL)
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r"<style.*?</style>", "", text, flags=re.DOTALL)
    text = re.sub(r'id="([^"]+)"', rf'id="{prefix}-\1"', text)
    text = re.sub(r'(xlink:href="|url\()#', rf"\1#{prefix}-", text)
    text = re.sub(r" font-family: [^;\"]*;", "", text)
    for colour, name in (*((LIGHT[name], _page_name(name)) for name in OURS), *colours.items()):
        text = text.replace(colour, name)
    for side in ("width", "height"):
        text = re.sub(rf'<svg([^>]*?) {side}="[^"]*"', r"<svg\1", text, count=1)
    return text


def _page_name(name: str) -> str:
    return "currentColor" if name == "ink" else f"var(--{name})"

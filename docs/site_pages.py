"""Pages of the documentation site that are made when it is built (a hook of MkDocs, see ``mkdocs.yml``).

The front page is ``README.md``; the changelog and the promises about security are the files of the tree, too, each with
its links turned towards the site.
Decisions are listed by their files. The API reference has one page for each folder of code that holds modules with
docstrings: it is read from the source, nothing is imported.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parent.parent
PACKAGES = ("harness", "tasks", "baselines", "ddt_llama", "reports")
LICENSE = "[MIT](LICENSE)"
FETCHED = re.compile(
    r"""<(?:script|img|iframe)\b[^>]*\bsrc=["']?(?:https?:)?//|<link\b[^>]*\bhref=["']?(?:https?:)?//"""
)
"""What a browser would fetch from elsewhere when a page is opened."""


def on_config(config: Any) -> Any:
    """Add the decisions and the API to the navigation, before the log."""
    decisions = [{title_of(path): f"decisions/{path.name}"} for path in sorted((ROOT / "docs/decisions").glob("*.md"))]
    rooms: dict[str, list[Any]] = {}
    for room in api_rooms():
        rooms.setdefault(room.split(".")[0], []).append({room: page_of(room)})
    place = next(number for number, item in enumerate(config.nav) if "Log" in item)
    config.nav[place:place] = [{"Decisions": decisions}]
    config.nav.append({"API": [{package: pages} for package, pages in rooms.items()]})
    return config


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that no file of ``docs`` holds."""
    for name, source in (("index.md", "README.md"), ("changelog.md", "CHANGELOG.md"), ("security.md", "SECURITY.md")):
        files.append(File.generated(config, name, content=(ROOT / source).read_text()))
    for room, modules in api_rooms().items():
        blocks = "\n\n".join(f"::: {module}" for module in modules)
        files.append(File.generated(config, page_of(room), content=f"# {room}\n\n{blocks}\n"))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Turn links between files of the tree into links between pages."""
    if page.file.src_uri in ("index.md", "changelog.md"):
        markdown = markdown.replace("](docs/", "](").replace("[CONTRIBUTING.md](CONTRIBUTING.md)", "`CONTRIBUTING.md`")
        markdown = markdown.replace("](SECURITY.md)", "](security.md)")
    return markdown.replace("](../CHANGELOG.md)", "](changelog.md)").replace(
        "](../../SECURITY.md)", "](../security.md)"
    )


def on_post_build(config: Any) -> None:
    """Raise PluginError for a page that needs a network when it is read."""
    for path in sorted(Path(config.site_dir).rglob("*.html")):
        if found := FETCHED.search(path.read_text()):
            raise PluginError(f"{path} fetches something from elsewhere: {found[0]}")


def api_rooms() -> dict[str, list[str]]:
    """Folder of code, as a dotted name -> the modules in it that say something."""
    rooms: dict[str, list[str]] = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            room = ".".join(parts[:-1])
            module = room if parts[-1] == "__init__" else ".".join(parts)
            if ast.get_docstring(ast.parse(path.read_text())):
                rooms.setdefault(room, []).append(module)
    return {room: sorted(rooms[room], key=lambda name: (name != room, name)) for room in sorted(rooms, key=order)}


def order(room: str) -> tuple[int, str]:
    return PACKAGES.index(room.split(".")[0]), room


def page_of(room: str) -> str:
    return f"api/{room}.md"


def title_of(path: Path) -> str:
    """The first heading of a page."""
    lines: Iterator[str] = iter(path.read_text().splitlines())
    return next(line.removeprefix("# ").strip() for line in lines if line.startswith("# "))

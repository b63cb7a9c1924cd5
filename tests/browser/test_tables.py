"""Tables sort and filter, and the bar stays in sight, by mouse and by keyboard; without scripts nothing is missing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page

pytestmark = [pytest.mark.browser, pytest.mark.needs("chromium")]

Open = Callable[..., Page]
TASK = "tasks/reconstruction-world.html"


def names(table: Locator, body: str = "models") -> list[str]:
    rows = table.locator(f"tbody.{body} tr")
    return [row.get_attribute("data-model") or "" for row in rows.all() if row.is_visible()]


def values(table: Locator, metric: str) -> list[float | None]:
    place = table.locator(f"thead th[data-metric='{metric}']").evaluate("heading => heading.cellIndex")
    cells = table.locator(f"tbody.models tr > :nth-child({place + 1})").all()
    return [None if (text := cell.get_attribute("data-value")) is None else float(text) for cell in cells]


def heading(table: Locator, metric: str) -> Locator:
    return table.locator(f"thead th[data-metric='{metric}']")


def test_a_click_sorts_the_best_first_then_the_worst_then_as_it_was(open_page: Open) -> None:
    table = open_page(TASK).locator("table.values").first
    before, last = names(table), table.locator("tbody").last.locator("tr").last.inner_text()
    psnr = heading(table, "psnr")
    psnr.click()
    assert psnr.get_attribute("aria-sort") == "descending"
    found = values(table, "psnr")
    assert found == sorted(found, key=lambda value: -(value or 0)) and len(set(found)) == len(before) > 2
    psnr.click()
    assert psnr.get_attribute("aria-sort") == "ascending" and values(table, "psnr") == found[::-1]
    assert table.locator("tbody").last.locator("tr").last.inner_text() == last, "controls stay below"
    psnr.click()
    assert psnr.get_attribute("aria-sort") is None and names(table) == before


def test_the_keyboard_sorts_and_one_heading_at_a_time_is_marked(open_page: Open) -> None:
    page = open_page(TASK)
    table = page.locator("table.values").first
    heading(table, "psnr").locator("button").focus()
    page.keyboard.press("Enter")
    assert heading(table, "psnr").get_attribute("aria-sort") == "descending"
    heading(table, "fd-world").locator("button").focus()
    page.keyboard.press("Space")
    assert heading(table, "fd-world").get_attribute("aria-sort") == "ascending", "lower is better"
    assert table.locator("[aria-sort]").count() == 1


def test_names_sort_as_people_count_and_what_is_absent_is_last_both_ways(open_page: Open) -> None:
    page = open_page(TASK)
    page.evaluate("""() => {
      const body = document.querySelector("table.values tbody.models");
      const cell = (row, metric) =>
        row.cells[row.closest("table").querySelector(`[data-metric='${metric}']`).cellIndex];
      const row = body.rows[0];
      row.dataset.model = "model 10";
      body.rows[1].dataset.model = "model 9";
      delete cell(row, "psnr").dataset.value;
    }""")
    table = page.locator("table.values").first
    for _ in range(2):
        heading(table, "psnr").click()
        assert values(table, "psnr")[-1] is None and values(table, "psnr").count(None) == 1
    table.locator("thead th").first.click()
    found = names(table)
    assert found.index("model 9") < found.index("model 10")


def test_equal_values_keep_the_order_that_they_have(open_page: Open) -> None:
    page = open_page(TASK)
    page.evaluate("""() => {
      for (const cell of document.querySelectorAll("table.values tbody.models td")) cell.dataset.value = "1";
    }""")
    table = page.locator("table.values").first
    table.locator("thead th").first.click()
    table.locator("thead th").first.click()
    by_name = names(table)
    for _ in range(2):
        heading(table, "psnr").click()
        assert names(table) == by_name


def test_the_front_page_filters_all_tables_by_model_task_and_metric(open_page: Open) -> None:
    page = open_page("index.html")

    def shown() -> list[Locator]:
        return [table for table in page.locator("table.values").all() if table.is_visible()]

    everything = len(shown())
    model = page.get_by_label("Model")
    model.fill("VQ")
    assert {name for table in shown() for name in names(table)} == {"VQGAN"}
    assert "1 of " in page.locator("[role=search] [role=status]").inner_text()
    model.fill("no such model")
    assert not shown() and page.locator("nav.bar").get_by_role("link", name="Filtered").is_visible()
    page.get_by_role("button", name="Show all").click()
    assert len(shown()) == everything and model.input_value() == ""

    page.get_by_role("combobox", name="Task").select_option("quiz")
    heads = {
        head.get_attribute("data-task")
        for table in shown()
        for head in table.locator("th[data-task]").all()
        if head.is_visible()
    }
    assert heads == {"quiz"} and page.locator(".card:visible").count() == 1
    page.get_by_role("combobox", name="Task").select_option("")
    page.get_by_role("combobox", name="Metric").select_option("psnr")
    heads = {
        head.get_attribute("data-metric")
        for table in shown()
        for head in table.locator("th[data-metric]").all()
        if head.is_visible()
    }
    assert heads == {"psnr"}
    for table in shown():
        row = table.locator("tbody.models tr:visible").first
        seen = [cell for cell in row.locator("td").all() if cell.is_visible()]
        assert len(seen) == table.locator("th[data-metric]:visible").count(), "cells go with their heading"


def test_without_scripts_tables_are_whole_and_no_control_is_dead(open_page: Open) -> None:
    page = open_page("index.html", scripts=False)
    assert page.locator("table.values tbody.models tr").first.is_visible()
    assert page.locator("button, input, select").count() == 0
    page.locator("details.menu summary").click()
    assert page.get_by_role("link", name="quiz").first.is_visible()


@pytest.mark.parametrize("width", [360, 1440])
def test_the_bar_stays_in_sight_and_leads_to_the_other_tasks(open_page: Open, width: int) -> None:
    page = open_page(TASK, width=width)
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    bar = page.locator("nav.bar")
    box = bar.bounding_box()
    assert box is not None and abs(box["y"]) < 1 and box["width"] <= width
    assert bar.locator("[rel=prev], [rel=next]").count() >= 1
    bar.locator("summary").click()
    assert bar.get_by_role("link", name="reconstruction-world").get_attribute("aria-current") == "page"
    page.keyboard.press("Escape")
    assert not bar.get_by_role("link", name="quiz").is_visible()
    bar.locator("summary").click()
    bar.get_by_role("link", name="quiz").click()
    assert page.locator("h1").inner_text() == "quiz"


def test_neighbours_are_a_chain_through_all_tasks(open_page: Open) -> None:
    page = open_page("tasks/progressive-world.html")
    seen = [page.locator("h1").inner_text()]
    while page.locator("nav.bar [rel=next]").count():
        page.locator("nav.bar [rel=next]").click()
        seen.append(page.locator("h1").inner_text())
    assert page.locator("nav.bar [rel=prev]").count() == 1 and len(seen) == len(set(seen)) >= 2


def test_the_answer_is_the_title_and_trust_says_what_limits_it(open_page: Open) -> None:
    page = open_page("index.html")
    said = page.locator("h1").inner_text()
    assert "measures" in said and page.title() == f"{said} · ddtbench"
    terms = page.locator("#trust dt").all_inner_texts()
    for term in ("cases", "training seeds", "sampling seeds", "chance", "failures", "sizes of sets"):
        assert term in terms
    assert page.locator(".card").count() == 3

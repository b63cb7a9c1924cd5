"use strict";
// A click on a heading sorts its table: the best first, then the worst first, then as it was. Values that are absent
// stay last, controls and chance stay below the models. Without this script every table is there, in its own order.
(() => {
  const HELP = "sort by ";

  /** What a row is sorted by: a number, a name, or null where there is nothing. */
  function keyOf(row, place) {
    const cell = row.cells[place];
    if (place === 0) return row.dataset.model ?? cell.textContent.trim();
    return cell.dataset.value === undefined ? null : Number(cell.dataset.value);
  }

  function compared(one, other) {
    return typeof one === "string" ? one.localeCompare(other, undefined, { numeric: true }) : one - other;
  }

  /** Stable: rows that are equal keep the order that they have. */
  function sorted(rows, place, sign) {
    const keyed = rows.map((row) => [keyOf(row, place), row]);
    const there = keyed.filter(([key]) => key !== null);
    const absent = keyed.filter(([key]) => key === null);
    there.sort(([one], [other]) => sign * compared(one, other));
    return [...there, ...absent].map(([, row]) => row);
  }

  function sortBy(table, heading, given) {
    const place = heading.cellIndex;
    const first = heading.dataset.better === "higher" ? "descending" : "ascending";
    const second = first === "ascending" ? "descending" : "ascending";
    const now = heading.getAttribute("aria-sort");
    const next = now === first ? second : now === second ? "none" : first;
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    if (next !== "none") heading.setAttribute("aria-sort", next);
    for (const [body, rows] of given) {
      const order = next === "none" ? rows : sorted([...body.rows], place, next === "ascending" ? 1 : -1);
      body.append(...order);
    }
  }

  /** The words of a heading become a button, so that a keyboard reaches it; the whole heading takes clicks. */
  function makeSortable(table) {
    const bodies = [...table.tBodies].filter((body) => body.rows.length > 1);
    if (!bodies.length) return;
    const given = bodies.map((body) => [body, [...body.rows]]);
    for (const heading of table.tHead.rows[0].cells) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      button.append(...heading.childNodes);
      if (!heading.title) heading.title = HELP + (heading.dataset.label ?? heading.textContent.trim());
      heading.append(button);
      heading.classList.add("sorts");
      heading.addEventListener("click", () => sortBy(table, heading, given));
    }
  }

  document.querySelectorAll("table.values").forEach(makeSortable);
})();

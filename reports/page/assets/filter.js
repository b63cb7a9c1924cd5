"use strict";
// One filter for all tables of a page: rows by model, columns by task and metric. A table of which nothing is left
// goes with its heading. The fields are made here: without scripts there is no field that does nothing.
(() => {
  const tables = [...document.querySelectorAll("table.values")];
  const place = document.querySelector("#results");
  if (!tables.length || !place) return;
  const models = new Set([...document.querySelectorAll("table.values [data-model]")].map((row) => row.dataset.model));

  function field(label, control) {
    const whole = document.createElement("label");
    whole.append(label, control);
    return whole;
  }

  /** A choice of what the headings name; null where there is nothing to choose. */
  function choice(label, name, words) {
    const found = new Map();
    for (const table of tables) {
      for (const heading of table.querySelectorAll("thead [data-metric]")) {
        if (!found.has(heading.dataset[name])) found.set(heading.dataset[name], words(heading));
      }
    }
    if (found.size < 2) return null;
    const control = document.createElement("select");
    control.append(new Option("all", ""));
    const known = new Map();
    for (const text of found.values()) known.set(text, (known.get(text) ?? 0) + 1);
    for (const [value, text] of found) {
      control.append(new Option(known.get(text) > 1 ? `${text} (${value})` : text, value));
    }
    return { control, whole: field(label, control) };
  }

  const text = document.createElement("input");
  text.type = "search";
  text.placeholder = "all";
  text.autocomplete = "off";
  text.spellcheck = false;
  const task = choice("Task", "task", (heading) => heading.dataset.task);
  const metric = choice("Metric", "metric", (heading) => heading.dataset.label);
  const told = document.createElement("span");
  told.setAttribute("role", "status");
  const clear = document.createElement("button");
  clear.type = "button";
  clear.textContent = "Show all";
  clear.hidden = true;

  const box = document.createElement("div");
  box.className = "filter";
  box.setAttribute("role", "search");
  box.setAttribute("aria-label", "Tables");
  box.append(field("Model", text), ...[task, metric].filter(Boolean).map((item) => item.whole), told, clear);
  place.querySelector("h2").after(box);

  const mark = document.createElement("a"); // far below the fields the bar says that not all is shown
  mark.href = "#results";
  mark.className = "filtered";
  mark.textContent = "Filtered";
  mark.hidden = true;
  document.querySelector("nav.bar .ways")?.before(mark);

  function wanted() {
    return {
      words: text.value.toLowerCase().split(/\s+/).filter(Boolean),
      task: task?.control.value ?? "",
      metric: metric?.control.value ?? "",
    };
  }

  const named = (model, words) => words.every((word) => model.toLowerCase().includes(word));

  /** Whether anything of the table is left. */
  function narrow(table, { words, task: byTask, metric: byMetric }) {
    const headings = [...table.tHead.rows[0].cells];
    const kept = headings.map(
      (heading, column) =>
        column === 0 ||
        ((!byTask || heading.dataset.task === byTask) && (!byMetric || heading.dataset.metric === byMetric)),
    );
    let rows = 0;
    for (const row of table.rows) {
      kept.forEach((keep, column) => (row.cells[column].hidden = !keep));
      if (row.dataset.model === undefined) continue;
      row.hidden = !named(row.dataset.model, words);
      rows += !row.hidden;
    }
    return rows > 0 && kept.slice(1).some(Boolean);
  }

  function apply() {
    const by = wanted();
    let left = 0;
    for (const table of tables) {
      const there = narrow(table, by);
      table.closest(".tabled").hidden = !there;
      left += there;
    }
    for (const card of document.querySelectorAll(".card")) {
      const inside = card.querySelector(".tabled");
      card.hidden = inside ? inside.hidden : Boolean(by.task) && card.dataset.task !== by.task;
    }
    const count = [...models].filter((model) => named(model, by.words)).length;
    const all = !by.words.length && !by.task && !by.metric;
    told.textContent = all ? "" : `${count} of ${models.size} names, ${left} of ${tables.length} tables`;
    clear.hidden = mark.hidden = all;
  }

  for (const control of [text, task?.control, metric?.control]) control?.addEventListener("input", apply);
  clear.addEventListener("click", () => {
    text.value = "";
    for (const item of [task, metric]) if (item) item.control.value = "";
    apply();
    text.focus();
  });
  if (text.value || task?.control.value || metric?.control.value) apply();
})();

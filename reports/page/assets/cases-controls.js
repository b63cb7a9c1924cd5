/* The filters and pairs above the cases. */
(function () {
  "use strict";
  const shared = (window.ddtbench = window.ddtbench || {});
  const { make } = shared.drawing;
  const { MODELS, EVERYTHING, outcomes, fresh } = shared.pairs;
  const VERDICTS = [["", "any"], ["r", "right"], ["w", "wrong"], ["f", "failed"], ["o", "answered"]];
  const PAUSE = 200;

  function option(value, text) {
    const found = make("option", "", text);
    found.value = value;
    return found;
  }

  class Controls {
    /** ``changed`` is called after every change of ``view.state``. */
    constructor(view, changed) {
      this.view = view;
      this.changed = changed;
      this.fields = {};
      this.element = make("form", "case-controls");
      this.element.setAttribute("aria-label", "Choose samples");
      this.element.addEventListener("submit", (event) => event.preventDefault());
      this.element.append(this.filters(), ...this.pair(), this.switches());
      this.show();
    }

    field(name, label, control) {
      const words = make("label", "", label);
      words.htmlFor = control.id = "cases-" + name;
      this.fields[name] = control;
      return make("div", "field", "", words, control);
    }

    select(name, label, options, read) {
      const control = make("select");
      control.append(...options.map(([value, text]) => option(value, text)));
      control.addEventListener("change", () => this.set({ [name]: read ? read(control.value) : control.value }));
      return this.field(name, label, control);
    }

    filters() {
      const { meta } = this.view.cases;
      const row = make("div", "row");
      if (meta.models.length > 1) row.append(this.select("model", "Model", this.models(true), Number));
      row.append(this.select("verdict", "Verdict", this.verdicts()));
      if (meta.strata.length > 1) {
        const strata = meta.strata.map((name, number) => [String(number), name || "(none)"]);
        row.append(this.select("stratum", "Stratum", [["-1", "all strata"], ...strata], Number));
      }
      const search = make("input");
      search.type = "search";
      search.placeholder = "question, answer or id";
      search.addEventListener("input", () => {
        clearTimeout(this.pause);
        this.pause = setTimeout(() => this.set({ text: search.value }), PAUSE);
      });
      row.append(this.field("text", "Text", search));
      if (meta.metrics.length) {
        const ends = meta.metrics.flatMap(([label], metric) => [
          [String(metric), "best " + label + " first"],
          [metric + "worst", "worst " + label + " first"],
        ]);
        row.append(this.select("sort", "Order", [["", "as asked"], ...ends]));
      }
      const clear = make("button", "quiet", "clear filters");
      clear.type = "button";
      clear.addEventListener("click", () => this.clear());
      row.append(clear);
      return row;
    }

    verdicts() {
      return this.view.cases.meta.verdict ? VERDICTS : VERDICTS.filter(([mark]) => !"rw".includes(mark) || !mark);
    }

    models(groups) {
      const { meta } = this.view.cases;
      const each = meta.models.map(([label], model) => [String(model), label]);
      if (!groups) return each;
      const controls = meta.models.some((model) => model[1]);
      const both = controls && meta.models.some((model) => !model[1]);
      const every = both ? [[String(EVERYTHING), "all models and controls"]] : [];
      return [[String(MODELS), both || !controls ? "all models" : "all controls"], ...every, ...each];
    }

    pair() {
      const { meta } = this.view.cases;
      if (meta.models.length < 2) return [];
      const set = make("fieldset", "row", "", make("legend", "", "Pair"));
      set.append(this.select("a", "A", this.models(false), Number), this.select("b", "B", this.models(false), Number));
      const swap = make("button", "quiet", "swap");
      swap.type = "button";
      swap.setAttribute("aria-label", "Swap A and B");
      swap.addEventListener("click", () => this.set({ a: this.view.state.b, b: this.view.state.a }));
      this.buttons = outcomes(meta).map(([name, words]) => {
        const button = make("button", "outcome", "", make("span", "", words), " ", make("span", "count"));
        button.type = "button";
        button.value = name;
        button.addEventListener("click", () => {
          this.set({ outcome: this.view.state.outcome === name ? "" : name });
        });
        return button;
      });
      set.append(swap, ...this.buttons);
      return [set];
    }

    switches() {
      const row = make("div", "row");
      this.status = make("p", "case-count");
      this.status.setAttribute("role", "status");
      row.append(this.status, make("p", "muted keys", "On a case: j next, k previous, Esc back to the filters."));
      if (this.view.cases.meta.objects) {
        const box = make("input");
        box.type = "checkbox";
        box.checked = this.view.objects;
        box.addEventListener("change", () => {
          this.view.objects = box.checked;
          this.changed(true);
        });
        row.append(make("label", "switch", "", box, " Draw what instruments found"));
      }
      return row;
    }

    set(changes) {
      Object.assign(this.view.state, changes);
      this.show();
      this.changed(false);
    }

    clear() {
      this.view.state = Object.assign(fresh(this.view.cases.meta), { a: this.view.state.a, b: this.view.state.b });
      this.show();
      this.changed(false);
    }

    /** Put the state into the fields. */
    show() {
      const { state } = this.view;
      for (const [name, control] of Object.entries(this.fields)) control.value = String(state[name]);
      if (this.fields.sort) {
        const compared = state.outcome && !this.view.cases.meta.verdict;
        this.fields.sort.options[0].textContent = compared ? "largest difference first" : "as asked";
        for (const item of this.fields.sort.options) item.disabled = Boolean(compared) && item.value.endsWith("worst");
      }
      for (const name of ["model", "verdict"]) {
        if (this.fields[name]) this.fields[name].disabled = Boolean(state.outcome);
      }
      for (const button of this.buttons || []) {
        button.setAttribute("aria-pressed", String(button.value === state.outcome));
      }
    }

    /** Put the counts to the choices. ``chosen``: of ``pairs.choose``. */
    count(chosen) {
      for (const item of this.fields.verdict.options) {
        const words = VERDICTS.find(([mark]) => mark === item.value)[1];
        item.textContent = words + " (" + chosen.verdicts[item.value || "any"].toLocaleString("en") + ")";
      }
      for (const button of this.buttons || []) {
        button.lastChild.textContent = (chosen.outcomes[button.value] || 0).toLocaleString("en");
      }
    }
  }

  shared.Controls = Controls;
})();

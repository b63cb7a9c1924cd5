/* Which cases are shown: filters, and pairs of models of which one is right and the other wrong, or better. */
(function () {
  "use strict";
  const shared = (window.ddtbench = window.ddtbench || {});
  const MODELS = -2;
  const EVERYTHING = -1;

  /** What somebody chose. ``outcome``: of the pair A, B ("": no pair). ``sort``: metric, and which end comes first. */
  function fresh(meta) {
    const models = modelsOf(meta, MODELS);
    const others = modelsOf(meta, EVERYTHING).filter((model) => model !== models[0]);
    const second = models.length > 1 ? models[1] : others.length ? others[0] : models[0];
    return { model: MODELS, verdict: "", stratum: -1, text: "", sort: "", a: models[0], b: second, outcome: "" };
  }

  /** The models that a choice stands for; without controls, unless there is nothing else. */
  function modelsOf(meta, choice) {
    const every = meta.models.map((_, model) => model);
    if (choice >= 0) return [choice];
    const ranked = every.filter((model) => !meta.models[model][1]);
    return choice === MODELS && ranked.length ? ranked : every;
  }

  function shownModels(meta, state) {
    if (!state.outcome) return modelsOf(meta, state.model);
    return state.a === state.b ? [state.a] : [state.a, state.b];
  }

  /** The outcomes of a pair: [name, words]. */
  function outcomes(meta) {
    if (meta.verdict) {
      return [
        ["rw", "A right, B wrong"],
        ["wr", "A wrong, B right"],
        ["rr", "both right"],
        ["ww", "both wrong"],
        ["all", "side by side"],
      ];
    }
    if (!meta.metrics.length) return [["all", "side by side"]];
    return [
      ["more", "A better than B"],
      ["less", "B better than A"],
      ["same", "equal"],
      ["all", "side by side"],
    ];
  }

  /** The metric that cases are sorted or compared by. */
  function metricOf(state) {
    const found = /^(\d+)/.exec(state.sort);
    return found ? Number(found[1]) : 0;
  }

  /** By how much A is better than B; null where one of them has no score. */
  function lead(cases, state, number) {
    const metric = metricOf(state);
    if (!cases.meta.metrics.length) return null;
    const a = cases.scores[metric][state.a][number];
    const b = cases.scores[metric][state.b][number];
    if (a === null || b === null) return null;
    return cases.meta.metrics[metric][2] === "lower" ? b - a : a - b;
  }

  function outcomeOf(cases, state, number) {
    if (cases.meta.verdict) return cases.mark(state.a, number) + cases.mark(state.b, number);
    const by = lead(cases, state, number);
    return by === null ? "" : by > 0 ? "more" : by < 0 ? "less" : "same";
  }

  function hasText(cases, state, number) {
    const wanted = state.text.trim().toLowerCase();
    if (!wanted) return true;
    const known = [cases.ids[number], cases.questions[number], cases.meta.strata[cases.strata[number]]];
    if (known.join("\n").toLowerCase().includes(wanted)) return true;
    return Boolean(cases.words && cases.words[number] && cases.words[number].includes(wanted));
  }

  /** {cases: their numbers in order, verdicts: mark -> how many, outcomes: outcome -> how many}. */
  function choose(cases, state) {
    const models = modelsOf(cases.meta, state.model);
    const verdicts = { r: 0, w: 0, f: 0, o: 0, any: 0 };
    const counts = { all: 0 };
    const kept = [];
    for (let number = 0; number < cases.count; number += 1) {
      if (state.stratum >= 0 && cases.strata[number] !== state.stratum) continue;
      if (!hasText(cases, state, number)) continue;
      const marks = new Set(models.map((model) => cases.mark(model, number)));
      marks.forEach((mark) => {
        if (mark in verdicts) verdicts[mark] += 1;
      });
      verdicts.any += 1;
      const outcome = outcomeOf(cases, state, number);
      if (outcome) counts[outcome] = (counts[outcome] || 0) + 1;
      counts.all += 1;
      const wanted = state.outcome ? state.outcome === "all" || outcome === state.outcome
        : !state.verdict || marks.has(state.verdict);
      if (wanted) kept.push(number);
    }
    return { cases: sorted(cases, state, kept, models), verdicts: verdicts, outcomes: counts };
  }

  /** In the order of a score, or of the difference of the pair; cases without one last; else as they were asked. */
  function sorted(cases, state, numbers, models) {
    const comparing = state.outcome && !cases.meta.verdict && cases.meta.metrics.length;
    if (!state.sort && !comparing) return numbers;
    const metric = metricOf(state);
    const up = (cases.meta.metrics[metric][2] === "lower") !== state.sort.endsWith("worst");
    const mean = function (number) {
      const values = models.map((model) => cases.scores[metric][model][number]).filter((value) => value !== null);
      return values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : null;
    };
    const key = state.outcome
      ? (number) => (lead(cases, state, number) === null ? null : -Math.abs(lead(cases, state, number)))
      : (number) => (mean(number) === null ? null : up ? mean(number) : -mean(number));
    const keys = new Map(numbers.map((number) => [number, key(number)]));
    return numbers.slice().sort(function (one, two) {
      const a = keys.get(one);
      const b = keys.get(two);
      if (a === null || b === null) return (a === null) - (b === null) || one - two;
      return a - b || one - two;
    });
  }

  shared.pairs = { MODELS, EVERYTHING, fresh, modelsOf, shownModels, outcomes, choose, lead, metricOf };
})();

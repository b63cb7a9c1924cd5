/* The samples of a task as they are stored beside its page: an index of all cases, and samples in chunks, of which only
   those that were looked at last are kept. */
(function () {
  "use strict";
  const shared = (window.ddtbench = window.ddtbench || {});
  const KEPT = 16;

  class Cases {
    constructor(root, name) {
      this.root = root;
      this.name = name;
      this.meta = null;
      this.ids = [];
      this.labels = new Map();
      this.strata = [];
      this.questions = [];
      this.chunks = [];
      this.marks = [];
      this.scores = [];
      this.words = null;
      this.held = new Map();
      this.places = null;
    }

    async open() {
      this.meta = await this.script("meta");
      const models = this.meta.models.length;
      this.marks = Array.from({ length: models }, () => "");
      this.scores = this.meta.metrics.map(() => Array.from({ length: models }, () => []));
      await this.block(0);
    }

    /** The rest of the index. */
    async complete() {
      for (let number = 1; number < this.meta.blocks; number += 1) await this.block(number);
    }

    async block(number) {
      const block = await this.script("index-" + number);
      for (const id of block.id) this.ids.push(id);
      for (const [number, label] of Object.entries(block.as)) this.labels.set(Number(number), label);
      for (const stratum of block.st) this.strata.push(stratum);
      for (const question of block.q) this.questions.push(question);
      for (const span of block.ch) this.chunks.push(span);
      this.marks = this.marks.map((letters, model) => letters + block.v[model]);
      block.s.forEach((models, metric) => {
        models.forEach((values, model) => {
          for (const value of values) this.scores[metric][model].push(value);
        });
      });
    }

    get count() {
      return this.ids.length;
    }

    /** The number of the case of this id; -1 for none. */
    place(id) {
      if (!this.places || this.places.size !== this.ids.length) {
        this.places = new Map(this.ids.map((known, number) => [known, number]));
      }
      return this.places.has(id) ? this.places.get(id) : -1;
    }

    /** The id as it can be read: what cannot be seen in it is shown. */
    label(number) {
      return this.labels.has(number) ? this.labels.get(number) : this.ids[number];
    }

    mark(model, number) {
      return this.marks[model][number];
    }

    /** What was said on each case, in lower case, for searching. */
    async read() {
      if (this.words) return;
      const found = [];
      for (let number = 0; number < this.meta.blocks; number += 1) {
        const block = await this.script("words-" + number);
        const size = block.t.length ? block.t[0].length : 0;
        for (let place = 0; place < size; place += 1) {
          found[block.at + place] = block.t.map((texts) => texts[place]).join("\n").toLowerCase();
        }
      }
      this.words = found;
    }

    /** Everything of one case: {case: {q, p}, MODEL: sample}. */
    async samples(number) {
      const [first, last] = this.chunks[number];
      const found = {};
      for (let chunk = first; chunk <= last; chunk += 1) Object.assign(found, (await this.chunk(chunk))[number]);
      return found;
    }

    async chunk(number) {
      let known = this.held.get(number);
      if (known) this.held.delete(number);
      else known = this.script("samples-" + number);
      this.held.set(number, known);
      while (this.held.size > KEPT) this.held.delete(this.held.keys().next().value);
      return known;
    }

    script(part) {
      return shared.load(this.root, this.name + "/" + part);
    }
  }

  shared.Cases = Cases;
})();

/* The stage of a player: a case's original, what each model has at a step, and its difference to something else. */
(function () {
  "use strict";
  const shared = (window.ddtbench = window.ddtbench || {});

  function make(tag, attributes, ...inside) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) made.setAttribute(name, value);
    made.append(...inside);
    return made;
  }

  function source(base64) {
    return "data:image/png;base64," + base64;
  }

  function picture(base64, alt) {
    if (!base64) return make("span", { class: "nothing" }, "none");
    return make("img", { src: source(base64), alt: alt });
  }

  class Stage {
    /** ``strip``: the table of all steps, which has the models' marks; ``labels``: of the models, in order. */
    constructor(strip, labels) {
      this.strip = strip;
      this.labels = labels;
      this.place = make("div", { class: "stage" });
    }

    /** Places for a case's pictures: the original, each model, what else belongs to the question. */
    stand(name, value) {
      this.value = value;
      const fixed = (words, base64) =>
        make("figure", { class: "fixed" }, make("figcaption", {}, make("b", {}, words)), picture(base64, words + " of case " + name));
      this.tiles = this.value.lines.map((line, place) => {
        const label = this.labels[place];
        const tile = { label: label, line: line, image: make("img", { alt: "" }), said: make("span", { class: "said" }) };
        tile.under = make("img", { alt: "" });
        tile.over = make("img", { alt: "" });
        tile.difference = make("div", { class: "difference", role: "img" }, tile.under, tile.over);
        tile.empty = make("span", { class: "nothing" }, "none");
        const head = make("figcaption", {}, ...this.swatch(label), make("b", {}, label));
        tile.figure = make("figure", {}, head, tile.image, tile.empty, tile.difference, tile.said);
        return tile;
      });
      this.place.replaceChildren(
        ...(this.value.original ? [fixed("original", this.value.original)] : []),
        ...this.tiles.map((tile) => tile.figure),
        ...this.value.beside.map(([words, base64]) => fixed(words, base64)),
      );
      this.named = name;
    }

    swatch(label) {
      const row = [...this.strip.querySelectorAll("tbody tr")].find((one) => one.querySelector("th span").textContent === label);
      const found = row && row.querySelector(".swatch");
      return found ? [found.cloneNode(true)] : [];
    }

    /** Shows a step; ``against``: what differences are to, ``words``: the same in words. */
    draw(step, against, words) {
      for (const tile of this.value ? this.tiles : []) this.drawTile(tile, step, against, words);
    }

    /** A model that lacks a step keeps showing the one before. */
    drawTile(tile, step, against, words) {
      const there = (tile.line || []).slice(0, step + 1).filter(Boolean);
      const now = there.at(-1);
      const base = { original: this.value.original, first: there.length && there[0][0], before: (there.at(-2) || there.at(-1) || [""])[0] };
      const other = against && base[against];
      tile.image.hidden = !now;
      tile.empty.hidden = Boolean(now);
      tile.difference.hidden = !now || !other;
      if (!now) return void (tile.said.textContent = "");
      tile.image.src = source(now[0]);
      tile.image.alt = tile.label + ", " + now[1] + ", case " + this.named;
      tile.said.replaceChildren(...[now[1], ...now[2]].map((text) => make("span", {}, text)));
      if (tile.difference.hidden) return;
      tile.under.src = source(other);
      tile.over.src = source(now[0]);
      tile.difference.setAttribute("aria-label", "Difference of " + tile.image.alt + " to " + words);
    }
  }

  shared.stage = { make: make, Stage: Stage };
})();

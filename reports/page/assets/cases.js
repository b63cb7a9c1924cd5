/* All samples of a task: filters, pairs, pages of cases that load as they come into view, and a link to each. */
(function () {
  "use strict";
  const shared = (window.ddtbench = window.ddtbench || {});
  const PAGE = 20;
  const AHEAD = 3;

  class View {
    constructor(place, cases) {
      const { make } = shared.drawing;
      this.place = place;
      this.cases = cases;
      this.state = shared.pairs.fresh(cases.meta);
      this.objects = true;
      this.page = 0;
      this.swatches = Array.from(place.querySelectorAll("[data-swatch] > li"), (item) => item.firstElementChild);
      this.magnifier = new shared.Magnifier(this);
      this.controls = new shared.Controls(this, (same) => this.update(same));
      this.list = make("div", "case-list");
      this.pagers = [this.pager("above"), this.pager("below")];
      this.note = place.querySelector("[data-note]");
      place.append(this.controls.element, this.pagers[0].element, this.list, this.pagers[1].element);
      this.seen = new IntersectionObserver((entries) => {
        for (const entry of entries) if (entry.isIntersecting) this.cards.get(entry.target).fill();
      }, { rootMargin: "600px" });
      this.list.addEventListener("keydown", (event) => this.key(event));
      window.addEventListener("hashchange", () => this.follow());
    }

    pager(where) {
      const { make } = shared.drawing;
      const element = make("nav", "case-pager");
      element.setAttribute("aria-label", "Pages of samples, " + where);
      const buttons = [["first", () => 0], ["previous", () => this.page - 1], ["next", () => this.page + 1],
        ["last", () => this.pages - 1]].map(([text, target]) => {
        const button = make("button", "quiet", text);
        button.type = "button";
        button.addEventListener("click", () => {
          this.turn(target());
          if (where === "below") this.list.scrollIntoView({ block: "start" });
        });
        return button;
      });
      const text = make("span");
      element.append(buttons[0], buttons[1], text, buttons[2], buttons[3]);
      return { element, buttons, text };
    }

    get pages() {
      return Math.max(1, Math.ceil(this.chosen.cases.length / PAGE));
    }

    /** After a change of the filters; ``same``: the same cases are drawn again. */
    async update(same) {
      if (this.state.text.trim() && !this.cases.words) {
        await this.ready;
        await this.cases.read();
      }
      this.chosen = shared.pairs.choose(this.cases, this.state);
      this.controls.count(this.chosen);
      this.turn(same ? this.page : 0);
    }

    turn(page) {
      const { make } = shared.drawing;
      this.page = Math.min(Math.max(0, page), this.pages - 1);
      const from = this.page * PAGE;
      const numbers = this.chosen.cases.slice(from, from + PAGE);
      this.seen.disconnect();
      this.cards = new Map();
      const cards = numbers.map((number) => new shared.Card(this, number));
      for (const card of cards) this.cards.set(card.element, card);
      const nothing = make("p", "nothing-left", "No case is left by these filters.");
      this.list.replaceChildren(...(cards.length ? cards.map((card) => card.element) : [nothing]));
      for (const card of cards) this.seen.observe(card.element);
      if (window.requestIdleCallback) requestIdleCallback(() => cards.slice(0, AHEAD).forEach((card) => card.fill()));
      this.tell(from, numbers.length);
    }

    tell(from, many) {
      const say = (number) => number.toLocaleString("en");
      const left = this.chosen.cases.length;
      this.controls.status.textContent = say(left) + " of " + say(this.cases.meta.shown) + " cases";
      for (const { element, buttons, text } of this.pagers) {
        element.hidden = this.pages < 2;
        text.textContent = say(from + 1) + " to " + say(from + many) + " of " + say(left);
        buttons[0].disabled = buttons[1].disabled = this.page === 0;
        buttons[2].disabled = buttons[3].disabled = this.page === this.pages - 1;
      }
    }

    /** Show the case that the address names, whatever the filters are. */
    async follow() {
      const found = /^#case=(.*)$/.exec(location.hash);
      if (!found) return;
      await this.ready;
      let id = found[1];
      try {
        id = decodeURIComponent(id);
      } catch {
        // taken as it is
      }
      const number = this.cases.place(id);
      if (number < 0) {
        this.note.textContent = "No case of this task that is shown here has the id " + id + ".";
        this.note.hidden = false;
        this.place.scrollIntoView();
        return;
      }
      this.note.hidden = true;
      if (!this.chosen.cases.includes(number)) this.controls.clear();
      this.turn(Math.floor(this.chosen.cases.indexOf(number) / PAGE));
      await this.focus(this.chosen.cases.indexOf(number) % PAGE);
    }

    /** Put the focus on a case of this page, and bring it into view. */
    async focus(place) {
      const element = this.list.children[place];
      if (!element || !this.cards.has(element)) return;
      for (const other of this.cards.keys()) other.classList.toggle("chosen", other === element);
      const cards = Array.from(this.cards.values()).slice(0, place + 1);
      await Promise.all(cards.map((card) => card.fill())); // those above it move it as long as they load
      element.focus({ preventScroll: true });
      element.scrollIntoView({ block: "start" });
    }

    /** Next and previous case, from any place inside one; Escape leaves the cases for the filters. */
    key(event) {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const element = event.target.closest("article.case");
      if (!element) return;
      const place = Array.from(this.list.children).indexOf(element);
      const onCase = event.target === element;
      if (event.key === "j" || (onCase && event.key === "ArrowDown")) this.go(place + 1);
      else if (event.key === "k" || (onCase && event.key === "ArrowUp")) this.go(place - 1);
      else if (event.key === "Escape") this.controls.element.querySelector("select, input").focus();
      else return;
      event.preventDefault();
    }

    go(place) {
      const last = this.list.children.length - 1;
      if (place > last && this.page < this.pages - 1) {
        this.turn(this.page + 1);
        this.focus(0);
      } else if (place < 0 && this.page > 0) {
        this.turn(this.page - 1);
        this.focus(PAGE - 1);
      } else {
        this.focus(Math.min(Math.max(0, place), last));
      }
    }

    magnify(card, place) {
      this.magnifier.open(card, place);
    }
  }

  /** The failures of the page lead to their samples. */
  function linkFailures(cases) {
    for (const item of document.querySelectorAll("dt[data-case]")) {
      if (cases.place(item.dataset.case) < 0) continue;
      const link = shared.drawing.make("a", "", "", ...item.childNodes);
      link.href = shared.caseLink(item.dataset.case);
      item.append(link);
    }
  }

  async function start(place) {
    const cases = new shared.Cases(place.dataset.root, place.dataset.name);
    await cases.open();
    const view = new View(place, cases);
    view.ready = cases.complete();
    await view.update(false);
    place.hidden = false;
    for (const pick of document.querySelectorAll("[data-pick]")) pick.hidden = true;
    await view.ready;
    linkFailures(cases);
    if (cases.meta.blocks > 1) await view.update(true);
    await view.follow();
  }

  const place = document.getElementById("cases");
  if (place) {
    start(place).catch(function (error) {
      place.querySelector("[data-note]").textContent = "The samples could not be loaded: " + error.message;
      place.hidden = place.querySelector("[data-note]").hidden = false;
    });
  }
})();

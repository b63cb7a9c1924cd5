/* One case: what was asked, and what each model made of it, side by side. */
(function () {
  "use strict";
  const shared = (window.ddtbench = window.ddtbench || {});
  const { make, framed, legend, codes } = shared.drawing;
  const WORDS = { r: "right", w: "wrong", f: "failed", o: "", "-": "not asked" };
  const SIGNS = { r: "\u2713 ", w: "\u2717 ", f: "\u2717 ", o: "", "-": "" };
  const MOST = 12;
  const LONG = 60;
  const SMALL = 128;
  const ROOM = window.innerWidth < 640 ? SMALL : 160;

  /** The address of a case on this page. */
  function link(id) {
    return "#case=" + encodeURIComponent(id);
  }

  /** A text in its own direction, a line each. */
  function lines(text, name) {
    const block = make("div", name);
    for (const line of text.split("\n")) {
      const one = make("p", "", line);
      one.dir = "auto";
      block.append(one);
    }
    return block;
  }

  class Card {
    /** ``view``: what the page shows at the moment (cases, state, swatches, magnify). */
    constructor(view, number) {
      this.view = view;
      this.number = number;
      this.id = view.cases.ids[number];
      this.name = view.cases.label(number);
      this.element = make("article", "case");
      this.element.tabIndex = 0;
      this.element.setAttribute("aria-labelledby", "case-" + number);
      this.body = make("div", "case-body waiting");
      this.element.append(this.head(), this.body);
      this.filled = false;
    }

    head() {
      const { cases } = this.view;
      const title = make("h3");
      title.id = "case-" + this.number;
      title.append(make("bdi", "", this.name));
      const stratum = cases.meta.strata[cases.strata[this.number]];
      const address = make("a", "permalink", "link");
      address.href = link(this.id);
      address.setAttribute("aria-label", "Link to case " + this.name);
      const copy = make("button", "quiet", "copy link");
      copy.type = "button";
      copy.setAttribute("aria-label", "Copy the link to case " + this.name);
      copy.addEventListener("click", () => this.copy(copy));
      const head = make("header", "case-head", "", title);
      if (stratum) head.append(make("bdi", "stratum", stratum));
      head.append(make("span", "case-links", "", address, copy));
      return head;
    }

    async copy(button) {
      const address = new URL(link(this.id), location.href).href;
      try {
        await navigator.clipboard.writeText(address);
        button.textContent = "copied";
      } catch {
        history.replaceState(null, "", link(this.id));
        button.textContent = "in the address bar";
      }
      setTimeout(() => (button.textContent = "copy link"), 2500);
    }

    /** Draw the samples, once they come into view. */
    async fill() {
      if (this.filled) return;
      this.filled = true;
      try {
        const found = await this.view.cases.samples(this.number);
        this.draw(found);
      } catch (error) {
        this.body.replaceChildren(make("p", "said wrong", "This case could not be shown: " + error.message));
      }
      this.body.classList.remove("waiting");
    }

    draw(found) {
      const { cases, state } = this.view;
      const own = found.case || { q: cases.questions[this.number], p: [] };
      const parts = [];
      if (own.q) parts.push(lines(own.q, "question"));
      this.gallery = [];
      const row = make("div", "answers" + (state.outcome ? " pair" : ""));
      for (const [heading, picture] of own.p) row.append(this.given(heading, picture));
      const models = shared.pairs.shownModels(cases.meta, state);
      const first = models.length > MOST ? models.slice(0, MOST) : models;
      first.forEach((model, place) => row.append(this.answer(model, found[model], place)));
      const lead = this.lead();
      if (lead) parts.push(make("p", "score lead", lead));
      parts.push(row);
      if (first.length < models.length) parts.push(this.rest(row, models.slice(MOST), found));
      this.body.replaceChildren(...parts);
    }

    /** "A is better by 6.7 dB (PSNR)", where a pair is compared by a score. */
    lead() {
      const { cases, state } = this.view;
      const by = state.outcome ? shared.pairs.lead(cases, state, this.number) : null;
      if (by === null) return "";
      const [label, unit] = cases.meta.metrics[shared.pairs.metricOf(state)];
      if (by === 0) return "equal by " + label;
      const size = Math.abs(by);
      const value = size >= 1e299 ? "\u221e" : size.toLocaleString("en", { maximumSignificantDigits: 3 });
      return (by > 0 ? "A" : "B") + " is better by " + value + (unit ? " " + unit : "") + " (" + label + ")";
    }

    rest(row, models, found) {
      const button = make("button", "quiet", models.length + " more models");
      button.type = "button";
      button.addEventListener("click", () => {
        models.forEach((model, place) => row.append(this.answer(model, found[model], MOST + place)));
        button.remove();
      });
      return button;
    }

    given(heading, picture) {
      const place = this.gallery.push({ picture: picture, label: heading, given: true }) - 1;
      const title = make("h4", "", "", make("bdi", "", heading));
      return make("div", "answer given", "", title, this.picture(picture, heading, null, place));
    }

    answer(model, sample, place) {
      const { cases, state, swatches } = this.view;
      const label = cases.meta.models[model][0];
      const mark = cases.mark(model, this.number);
      const name = make("span");
      if (state.outcome) name.append(make("span", "letter", place === 0 ? "A" : "B"));
      if (swatches[model]) name.append(swatches[model].cloneNode(true));
      name.append(make("bdi", "", label));
      const box = make("div", "answer", "", make("h4", "", "", name));
      if (label.length > LONG) name.title = label;
      if (WORDS[mark]) box.append(make("p", "verdict " + WORDS[mark].replace(" ", "-"), SIGNS[mark] + WORDS[mark]));
      if (!sample) return box;
      if (sample.f) {
        box.append(lines(sample.f, "reason"));
        return box;
      }
      const found = this.view.objects && sample.d && sample.d.length ? sample.d : null;
      if (sample.o) {
        const at = this.gallery.push({ picture: sample.o, label: label, found: sample.d || null }) - 1;
        box.append(this.picture(sample.o, label, found, at));
      }
      this.words(box, sample);
      if (found) box.append(legend(found));
      if (sample.p) box.append(this.further(sample.p, label));
      if (sample.c) box.append(codes(sample.c, sample.cn));
      return box;
    }

    words(box, sample) {
      for (const [text, mark] of sample.t || []) {
        const said = lines(text, "said " + mark);
        if (mark) said.firstChild.prepend((mark === "right" ? "\u2713 " : "\u2717 ") + mark + ": ");
        box.append(said);
      }
      for (const [label, value] of sample.n || []) {
        box.append(make("p", "score", "", make("bdi", "", label), " ", make("b", "", value)));
      }
      for (const [label, text] of sample.w || []) {
        if (/^((right|wrong)(\n|$))+$/.test(text)) continue; // said at each answer
        const why = lines(text, "reason");
        why.firstChild.prepend(make("bdi", "muted", label), ": ");
        box.append(why);
      }
    }

    further(pictures, label) {
      const details = make("details", "more", "", make("summary", "", pictures.length + " more pictures"));
      details.addEventListener("toggle", () => {
        if (details.children.length > 1) return;
        const row = make("div", "further");
        for (const [name, picture] of pictures) {
          const at = this.gallery.push({ picture: picture, label: label + ", " + name }) - 1;
          const small = this.picture(picture, label + ", " + name, null, at, 96);
          row.append(make("div", "", "", small, make("bdi", "muted", name)));
        }
        details.append(row);
      });
      return details;
    }

    picture(picture, label, found, place, room) {
      const wide = this.view.state.outcome && ROOM > SMALL ? ROOM * 1.6 : ROOM;
      const alt = label + ", case " + this.name;
      return framed(this.view.cases, picture, alt, room || wide, found, () => this.view.magnify(this, place));
    }
  }

  shared.Card = Card;
  shared.caseLink = link;
})();

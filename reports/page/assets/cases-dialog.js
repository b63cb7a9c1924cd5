/* A picture at the largest whole multiple of its pixels that fits, without smoothing, beside what belongs to it. */
(function () {
  "use strict";
  const shared = (window.ddtbench = window.ddtbench || {});
  const { make, image, overlay, legend, scale } = shared.drawing;

  class Magnifier {
    constructor(view) {
      this.view = view;
      this.dialog = make("dialog", "magnifier");
      this.dialog.setAttribute("aria-labelledby", "magnifier-title");
      this.title = make("h3");
      this.title.id = "magnifier-title";
      this.pictures = make("div", "large");
      this.before = this.button("previous picture", () => this.step(-1));
      this.after = this.button("next picture", () => this.step(1));
      const close = this.button("close", () => this.dialog.close());
      this.dialog.append(make("header", "", "", this.title, this.before, this.after, close), this.pictures);
      this.dialog.addEventListener("keydown", (event) => {
        if (event.key === "ArrowRight") this.step(1);
        else if (event.key === "ArrowLeft") this.step(-1);
        else return;
        event.preventDefault();
      });
      this.dialog.addEventListener("click", (event) => {
        if (event.target === this.dialog) this.dialog.close();
      });
      document.body.append(this.dialog);
      window.addEventListener("resize", () => this.dialog.open && this.draw());
    }

    button(text, act) {
      const button = make("button", "quiet", text);
      button.type = "button";
      button.addEventListener("click", act);
      return button;
    }

    open(card, place) {
      this.card = card;
      this.place = place;
      this.draw();
      this.dialog.showModal();
    }

    step(by) {
      const many = this.card.gallery.length;
      this.place = (this.place + by + many) % many;
      this.draw();
    }

    /** What belongs to the question, and the picture itself; of a pair both. */
    shown() {
      const chosen = this.card.gallery[this.place];
      const pair = this.view.state.outcome && !this.card.gallery[this.place].given;
      const kept = this.card.gallery.filter((item, place) => {
        return item.given || place === this.place || (pair && "found" in item && "found" in chosen);
      });
      return chosen.given ? [chosen] : kept;
    }

    draw() {
      const { cases } = this.view;
      const items = this.shown();
      const chosen = this.card.gallery[this.place];
      this.title.textContent = chosen.label + " ";
      this.title.append(make("bdi", "muted", this.card.element.querySelector("h3").textContent));
      this.before.hidden = this.after.hidden = this.card.gallery.length < 2;
      const room = Math.min(innerWidth * 0.94 / items.length - 24, innerHeight * 0.94 - 150);
      const across = innerWidth < 700 ? Math.min(innerWidth * 0.86, innerHeight * 0.6) : room;
      const figures = items.map((item) => {
        const picture = item.picture;
        const frame = make("span", "frame");
        const large = image(cases, picture, item.label, Math.max(across, 64));
        frame.append(large);
        const found = this.view.objects && item.found && item.found.length ? item.found : null;
        if (found) frame.append(overlay(picture, found));
        const by = scale(picture[0], picture[1], Math.max(across, 64));
        const size = picture[0] + " \u00d7 " + picture[1] + (by > 1 ? ", " + by + " times" : "");
        const caption = make("figcaption", "", "", make("bdi", "", item.label), " " + size);
        const figure = make("figure", "", "", frame, caption);
        if (found) figure.append(legend(found));
        return figure;
      });
      this.pictures.replaceChildren(...figures);
    }
  }

  shared.Magnifier = Magnifier;
})();

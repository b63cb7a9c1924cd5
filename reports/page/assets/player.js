/* Plays the steps of a series of pictures, all models of a case at once, beside the original. Nothing plays by itself. */
(function () {
  "use strict";
  const shared = (window.ddtbench = window.ddtbench || {});
  const STEP = 700; // milliseconds that a step is seen at speed 1
  const SPEEDS = [0.5, 1, 2, 4];
  const AGAINST = [
    ["original", "the original"],
    ["first", "the first step"],
    ["before", "the step before"],
    ["", "nothing"],
  ];
  const { make, Stage } = shared.stage;
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)");

  function chooser(label, options, chosen) {
    const list = make("select", { name: label.toLowerCase().replaceAll(" ", "-") });
    for (const [value, words] of options) list.append(make("option", { value: value }, words));
    list.value = chosen;
    return [make("label", {}, label + " ", list), list];
  }

  function button(words, label) {
    return make("button", { type: "button", "aria-label": label }, words);
  }

  class Player {
    constructor(place) {
      this.place = place;
      this.told = JSON.parse(place.dataset.player);
      this.strip = document.getElementById(place.dataset.strip);
      this.step = this.told.steps.length - 1;
      this.timer = 0;
      this.asked = 0;
      this.build();
      this.show(this.step);
    }

    build() {
      const last = this.told.steps.length - 1;
      this.play = button("Play", "Play the steps");
      this.back = button("\u2039", "Step back");
      this.on = button("\u203a", "Step on");
      this.slider = make("input", { type: "range", min: 0, max: last, step: 1, "aria-label": "Step" });
      this.words = make("output", { "aria-live": "off" }); // the slider says it
      const cases = this.told.cases.map((name, place) => [place, place + 1 + " of " + this.told.cases.length + ": " + name]);
      const [caseLabel, caseList] = chooser("Case", cases, "0");
      const [speedLabel, speedList] = chooser("Speed", SPEEDS.map((one) => [one, one + "\u00d7"]), calm.matches ? "0.5" : "1");
      const [againstLabel, againstList] = chooser("Difference to", AGAINST, "original");
      [this.cases, this.speed, this.against] = [caseList, speedList, againstList];
      this.stage = new Stage(this.strip, this.told.lines);
      this.all = make("button", { type: "button", "aria-controls": this.strip.id, class: "all" });
      this.note = make("p", { role: "status" });
      this.place.setAttribute("role", "group");
      this.place.setAttribute("aria-label", "Player: " + this.place.dataset.title);
      this.place.append(
        make("div", { class: "bar" }, this.play, this.back, this.slider, this.on, this.words),
        this.stage.place,
        make("div", { class: "bar options" }, caseLabel, againstLabel, speedLabel, this.all),
        this.note,
      );
      this.place.hidden = false;
      this.unfold(false);
      this.listen(last);
    }

    listen(last) {
      this.play.addEventListener("click", () => (this.timer ? this.stop() : this.start()));
      this.back.addEventListener("click", () => this.go(Math.max(0, this.step - 1)));
      this.on.addEventListener("click", () => this.go(Math.min(last, this.step + 1)));
      this.slider.addEventListener("input", () => this.go(Number(this.slider.value)));
      this.slider.addEventListener("keydown", (event) => {
        if (event.key !== " ") return;
        event.preventDefault();
        this.play.click();
      });
      this.cases.addEventListener("change", () => this.open(Number(this.cases.value)));
      this.against.addEventListener("change", () => this.draw());
      this.all.addEventListener("click", () => this.unfold(this.all.getAttribute("aria-expanded") !== "true"));
      document.addEventListener("visibilitychange", () => document.hidden && this.stop());
    }

    /** The strip of all steps; on paper it stands there in any case. */
    unfold(open) {
      this.all.setAttribute("aria-expanded", String(open));
      this.all.textContent = open ? "Hide the strip of all steps" : "All steps side by side";
      this.strip.classList.toggle("folded", !open);
    }

    start() {
      const last = this.told.steps.length - 1;
      if (!last) return;
      if (this.step === last) this.show(0);
      this.play.textContent = "Pause";
      this.play.setAttribute("aria-label", "Pause");
      const next = () => {
        this.show(this.step + 1);
        if (this.step === last) this.stop();
        else this.timer = window.setTimeout(next, STEP / Number(this.speed.value));
      };
      this.timer = window.setTimeout(next, STEP / Number(this.speed.value));
    }

    stop() {
      window.clearTimeout(this.timer);
      this.timer = 0;
      this.play.textContent = "Play";
      this.play.setAttribute("aria-label", "Play the steps");
    }

    go(step) {
      this.stop();
      this.show(step);
    }

    /** Reads a case, and shows it where it was asked for last. */
    open(place) {
      const asked = ++this.asked;
      return shared.load(this.place.dataset.root, this.place.dataset.name + "/" + place).then(
        (value) => {
          if (asked !== this.asked) return;
          this.note.textContent = "";
          this.stage.stand(this.told.cases[place], value);
          this.draw();
        },
        (error) => {
          if (asked === this.asked) this.note.textContent = error.message + ". The strip shows the first cases.";
        },
      );
    }

    show(step) {
      this.step = step;
      this.slider.value = step;
      const words = this.told.steps[step];
      this.slider.setAttribute("aria-valuetext", words + ", step " + (step + 1) + " of " + this.told.steps.length);
      this.words.textContent = words;
      this.draw();
    }

    draw() {
      const chosen = this.against.selectedOptions[0];
      this.stage.draw(this.step, chosen.value, chosen.textContent);
    }

  }

  /** A player reads its first case when it comes near the window. */
  function begin() {
    const near = new IntersectionObserver(
      (entries) => {
        for (const entry of entries) {
          if (!entry.isIntersecting) continue;
          near.unobserve(entry.target);
          players.get(entry.target).open(0);
        }
      },
      { rootMargin: "400px" },
    );
    const players = new Map();
    for (const place of document.querySelectorAll(".player[data-player]")) {
      players.set(place, new Player(place));
      near.observe(place);
    }
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", begin);
  else begin();
})();

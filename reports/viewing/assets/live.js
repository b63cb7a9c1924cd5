/* What goes on, kept up to date while a page is open. Only 'ddtbench view' serves it: a report on disk has no such part. */
(function () {
  "use strict";

  const own = document.currentScript;
  const version = Number(own.dataset.version);
  const page = own.dataset.page;
  const OFTEN = 2000, RARELY = 6000;
  const shown = new WeakMap(); // element -> the JSON that it was filled with
  let missed = 0;

  // What this page asks for later is to be of the report that it is of itself: addresses are taken from here on.
  if (version) {
    history.replaceState(history.state, "", "/v" + version + "/" + page + location.search + location.hash);
  }

  function copyOf(name) {
    return document.getElementById(name).content.firstElementChild.cloneNode(true);
  }

  function say(element, text) {
    if (element && element.textContent !== text) {
      element.textContent = text;
    }
  }

  /* Fill a list anew, only where what it shows has changed: what was opened or is focused stays so. */
  function fill(list, items, make) {
    const text = JSON.stringify(items);
    if (shown.get(list) !== text) {
      shown.set(list, text);
      list.replaceChildren(...items.map(make));
    }
  }

  function failure(item) {
    const made = copyOf("live-failure");
    say(made.querySelector("dt bdi"), item.case);
    say(made.querySelector("dd bdi"), item.reason);
    return made;
  }

  function picture(item) {
    const made = copyOf("live-picture");
    made.querySelector("img").alt = item.alt;
    made.querySelector("img").src = item.source;
    say(made.querySelector("figcaption"), item.name);
    return made;
  }

  function paragraph(text) {
    const made = document.createElement("p");
    made.appendChild(document.createElement("bdi")).textContent = text;
    return made;
  }

  function sample(item) {
    const made = copyOf("live-sample");
    made.classList.toggle("failed", item.failed);
    made.querySelector(".live-pictures").replaceChildren(...item.pictures.map(picture));
    made.querySelector(".live-texts").replaceChildren(...item.texts.map(paragraph));
    say(made.querySelector(".live-case bdi"), item.case);
    return made;
  }

  function showRun(element, item) {
    const bar = element.querySelector("progress");
    element.dataset.state = item.state;
    say(element.querySelector(".live-model"), item.model);
    say(element.querySelector(".live-task"), item.task);
    say(element.querySelector(".live-words"), item.words);
    bar.setAttribute("aria-label", item.model + " on " + item.task);
    if (item.wanted) {
      bar.max = item.wanted;
      bar.value = item.done;
    } else {
      bar.removeAttribute("value");
    }
    element.querySelector(".live-failures").hidden = !item.any_failed;
    say(element.querySelector(".live-failures summary"), item.failed);
    say(element.querySelector(".live-more"), item.more);
    fill(element.querySelector("dl"), item.failures, failure);
    element.querySelector(".live-first").hidden = !item.samples.length;
    fill(element.querySelector(".live-samples"), item.samples, sample);
  }

  function showRuns(list, items) {
    const there = new Map(Array.from(list.children, (element) => [element.dataset.run, element]));
    items.forEach((item, place) => {
      let element = there.get(item.id);
      there.delete(item.id);
      if (!element) {
        element = copyOf("live-run");
        element.dataset.run = item.id;
        element.querySelector(".live-first").open = item.state !== "left";
      }
      showRun(element, item);
      if (list.children[place] !== element) {
        list.insertBefore(element, list.children[place] || null);
      }
    });
    there.forEach((element) => element.remove());
  }

  function show(state) {
    if (!version && state.version) {
      location.reload();
      return;
    }
    const live = document.getElementById("live");
    const list = live.querySelector(".live-runs");
    const newer = state.version !== version;
    const problem = live.querySelector(".live-problem");
    say(live.querySelector(".live-headline"), state.headline);
    say(problem, state.problem);
    problem.hidden = !state.problem;
    live.querySelector(".live-newer").hidden = !newer;
    if (list) {
      showRuns(list, state.runs);
    }
    live.hidden = !state.headline && !state.problem && !newer;
  }

  function ended() {
    const live = document.getElementById("live");
    live.hidden = false;
    say(live.querySelector(".live-headline"), "'ddtbench view' has ended: this page stays as it is");
  }

  async function look() {
    let busy = false;
    if (!document.hidden) {
      try {
        const answer = await fetch("/live/state.json", { cache: "no-store" });
        if (answer.ok) {
          const state = await answer.json();
          busy = state.making || state.runs.some((run) => run.state !== "left");
          missed = 0;
          show(state);
        }
      } catch {
        missed += 1;
        if (missed > 2) {
          ended();
        }
      }
    }
    setTimeout(look, busy ? OFTEN : RARELY);
  }

  document.addEventListener("DOMContentLoaded", function () {
    if (!document.getElementById("live")) {
      return;
    }
    const again = document.querySelector(".live-newer a");
    again.addEventListener("click", function (event) {
      event.preventDefault();
      location.assign("/" + page + location.search + location.hash);
    });
    setTimeout(look, version ? OFTEN : 500);
  });
})();

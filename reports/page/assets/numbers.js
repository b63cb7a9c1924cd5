"use strict";
// Every number of a table is a button that opens where the number comes from; #number=NAME opens it, too.
(function () {
  const app = (window.ddtbench = window.ddtbench || {});
  const HASH = "#number=";
  let dialog = null;
  let opener = null;
  let data = null;

  function make(tag, text, name) {
    const element = document.createElement(tag);
    if (text) element.textContent = text;
    if (name) element.className = name;
    return element;
  }

  // The page names its data; nothing is fetched before a number is asked for, and then once.
  function fetched() {
    const main = document.querySelector("[data-numbers]");
    if (!data) {
      data = app.load(main.dataset.root, main.dataset.numbers);
      data.catch(() => (data = null));
    }
    return data;
  }

  function listed(pairs) {
    const list = make("dl", "", "pairs");
    for (const [key, value] of pairs) list.append(make("dt", key), make("dd", value));
    return list;
  }

  function part(item) {
    const section = make("section");
    section.append(make("h3", item.title));
    if (item.command) {
      const pre = make("pre", item.command);
      pre.tabIndex = 0;
      section.append(pre, app.copyButton(pre, "Copy the command"));
    }
    if (item.remark) section.append(make("p", item.remark, "remark"));
    section.append(listed(item.pairs));
    return section;
  }

  function frame() {
    if (dialog) return dialog;
    dialog = make("dialog", "", "origin");
    dialog.setAttribute("aria-labelledby", "origin-title");
    dialog.addEventListener("close", closed);
    dialog.addEventListener("click", function (event) {
      if (event.target === dialog) dialog.close(); // the ground around it
    });
    document.body.append(dialog);
    return dialog;
  }

  function fill(title, subtitle, content) {
    const box = make("div", "", "inside");
    const head = make("header");
    const heading = make("h2", title);
    heading.id = "origin-title";
    const close = make("button", "Close");
    close.type = "button";
    close.addEventListener("click", () => dialog.close());
    head.append(heading, close);
    box.append(head);
    if (subtitle) box.append(make("p", subtitle, "of"));
    box.append(...content);
    frame().replaceChildren(box);
    if (!dialog.open) dialog.showModal();
    dialog.scrollTop = 0;
    close.focus({ preventScroll: true });
  }

  function closed() {
    if (location.hash.startsWith(HASH)) history.replaceState(null, "", location.pathname + location.search);
    if (opener && opener.isConnected) opener.focus();
    opener = null;
  }

  function open(name, from) {
    opener = from || find(name);
    history.replaceState(null, "", HASH + encodeURIComponent(name));
    fetched().then(function (all) {
      const found = Object.hasOwn(all.numbers, name) ? all.numbers[name] : null;
      if (!found) {
        fill("No such number", "This page has no number of that name: the report was made from other runs, or the address is incomplete.", []);
        return;
      }
      const own = all.fields.map((field, place) => [field, found.values[place] || ""]).filter((pair) => pair[1]);
      fill(found.title, found.of, [listed(own), ...found.parts.map((place) => part(all.parts[place]))]);
    }).catch((error) => fill("Cannot be shown", error.message + ": copy the whole folder of the report.", []));
  }

  function find(name) {
    for (const cell of document.querySelectorAll("td[data-number]")) {
      if (cell.dataset.number === name) return cell.querySelector("button.number-of");
    }
    return null;
  }

  // The text of a value becomes a button; marks and footnotes beside it stay as they are.
  function upgrade(cell) {
    const value = cell.querySelector(".value") || cell;
    const text = Array.from(value.childNodes).find((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
    if (!text) return;
    const button = make("button", text.data.trim(), "number-of");
    button.type = "button";
    button.setAttribute("aria-haspopup", "dialog");
    button.title = "Where this number comes from";
    button.addEventListener("click", () => open(cell.dataset.number, button));
    text.replaceWith(button);
  }

  function follow() {
    if (!location.hash.startsWith(HASH)) return;
    let name = location.hash.slice(HASH.length);
    try {
      name = decodeURIComponent(name);
    } catch (error) {
      // an address that was cut within a character: no number has that name
    }
    const button = find(name);
    for (let around = button; around; around = around.parentElement) {
      if (around.tagName === "DETAILS") around.open = true;
    }
    if (button) button.scrollIntoView({ block: "center" });
    open(name, button);
  }

  document.addEventListener("DOMContentLoaded", function () {
    if (!document.querySelector("[data-numbers]")) return;
    document.querySelectorAll("td[data-number]").forEach(upgrade);
    window.addEventListener("hashchange", follow);
    follow();
  });
})();

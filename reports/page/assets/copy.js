"use strict";
// Buttons that copy the text of an element, for every element that says data-copy="words of the button".
(function () {
  const app = (window.ddtbench = window.ddtbench || {});

  // Where the browser refuses to copy, the text is selected, ready for the keyboard.
  function copy(element) {
    if (!navigator.clipboard) return Promise.resolve(select(element));
    return navigator.clipboard.writeText(element.textContent).then(() => true, () => select(element));
  }

  function select(element) {
    const range = document.createRange();
    range.selectNodeContents(element);
    const selection = window.getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
    return false;
  }

  app.copyButton = function (element, words) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = words;
    const said = document.createElement("span");
    said.setAttribute("role", "status");
    button.addEventListener("click", function () {
      copy(element).then(function (done) {
        said.textContent = done ? "copied" : "selected: copy it with the keyboard";
      });
    });
    const line = document.createElement("span");
    line.className = "copying";
    line.append(button, said);
    return line;
  };

  document.addEventListener("DOMContentLoaded", function () {
    for (const element of document.querySelectorAll("[data-copy]")) {
      element.after(app.copyButton(element, element.dataset.copy));
    }
  });
})();

/* Data come as script files, since a page from disk may load nothing else: each calls ddtbench.data(name, value). */
(function () {
  "use strict";
  const shared = (window.ddtbench = window.ddtbench || {});
  const known = new Map();
  const waiting = new Map();

  /** Called by a data script: what it holds, under its path from data/ on, without the ending. */
  shared.data = function (name, value) {
    known.set(name, value);
  };

  /** The value of data/NAME.js, from ``root`` (the way to the report's folder); it is handed over once and not kept. */
  shared.load = function (root, name) {
    if (waiting.has(name)) return waiting.get(name);
    const found = new Promise(function (resolve, reject) {
      const done = function () {
        script.remove();
        waiting.delete(name);
        const value = known.get(name);
        known.delete(name);
        if (value === undefined) reject(new Error("data/" + name + ".js could not be loaded"));
        else resolve(value);
      };
      const script = document.createElement("script");
      script.onload = script.onerror = done;
      script.src = root + "data/" + name.split("/").map(encodeURIComponent).join("/") + ".js";
      document.head.append(script);
    });
    waiting.set(name, found);
    return found;
  };
})();

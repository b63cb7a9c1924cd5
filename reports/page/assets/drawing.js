/* Pictures of samples: small ones at whole multiples of their pixels, and over them, where it is wanted, what
   instruments found. */
(function () {
  "use strict";
  const shared = (window.ddtbench = window.ddtbench || {});
  const SVG = "http://www.w3.org/2000/svg";
  const COLOURS = 6;

  /** An element with a class, text and children. */
  function make(tag, name, text, ...children) {
    const element = document.createElement(tag);
    if (name) element.className = name;
    if (text) element.textContent = text;
    element.append(...children);
    return element;
  }

  /** How many page pixels a pixel of a picture takes in ``room``: a whole number where the picture fits. */
  function scale(width, height, room) {
    const fits = Math.min(room / width, room / height);
    return fits >= 1 ? Math.floor(fits) : fits;
  }

  /** A picture: [width, height, base64] or [width, height, "", file]. */
  function image(cases, picture, alt, room) {
    const [width, height, data, file] = picture;
    const element = document.createElement("img");
    const by = scale(width, height, room);
    element.width = Math.max(1, Math.round(width * by));
    element.height = Math.max(1, Math.round(height * by));
    element.alt = alt;
    element.decoding = "async";
    if (by >= 1) element.className = "whole";
    element.src = file ? cases.root + "data/" + encodeURIComponent(cases.name) + "/" + file
      : "data:image/png;base64," + data;
    return element;
  }

  /** [label, objects of that label] of what every instrument found, each object with the colour of its label. */
  function byLabel(found) {
    const labels = new Map();
    for (const [, objects] of found) {
      for (const item of objects) {
        if (!labels.has(item.l)) labels.set(item.l, []);
        labels.get(item.l).push(item);
      }
    }
    return Array.from(labels);
  }

  /** Boxes over a picture, masks in their place where they are stored. */
  function overlay(picture, found) {
    const [width, height] = picture;
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("viewBox", "0 0 " + width + " " + height);
    svg.setAttribute("class", "found");
    svg.setAttribute("aria-hidden", "true");
    byLabel(found).forEach(function ([label, objects], place) {
      for (const item of objects) {
        const group = document.createElementNS(SVG, "g");
        group.setAttribute("class", "c" + (place % COLOURS));
        const title = document.createElementNS(SVG, "title");
        title.textContent = label;
        group.append(title);
        if (item.m) group.append(maskPath(item.m));
        const box = document.createElementNS(SVG, "rect");
        const [left, right] = [item.b[0], item.b[2]].map((edge) => Math.min(width, Math.max(0, edge)));
        const [top, bottom] = [item.b[1], item.b[3]].map((edge) => Math.min(height, Math.max(0, edge)));
        for (const [name, value] of [["x", left], ["y", top], ["width", right - left], ["height", bottom - top]]) {
          box.setAttribute(name, String(value));
        }
        const edge = box.cloneNode(); // so that it stands out on any ground
        edge.setAttribute("class", "edge");
        if (item.m) box.setAttribute("class", "faint");
        group.append(edge, box);
        svg.append(group);
      }
    });
    return svg;
  }

  /** Run lengths, column by column, as a path of upright bars. */
  function maskPath(runs) {
    const height = runs[0];
    const parts = [];
    let at = 0;
    for (let place = 2; place < runs.length; place += 1) {
      const end = at + runs[place];
      if (place % 2 === 1) {
        while (at < end) {
          const column = Math.floor(at / height);
          const stop = Math.min(end, (column + 1) * height);
          parts.push("M" + column + " " + (at - column * height) + "h1v" + (stop - at) + "h-1z");
          at = stop;
        }
      }
      at = end;
    }
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", parts.join(""));
    return path;
  }

  /** What was found in words: "circle 0.97, circle 0.92", in the colours of the boxes. */
  function legend(found) {
    const list = make("ul", "found-list");
    byLabel(found).forEach(function ([label, objects], place) {
      const scores = objects.map((item) => ("s" in item ? item.s.toFixed(2) : "")).filter(Boolean);
      const item = make("li", "c" + (place % COLOURS));
      item.append(make("bdi", "", label));
      const many = objects.length > 1 ? " \u00d7 " + objects.length : "";
      item.append(make("span", "muted", many + (scores.length ? " " + scores.join(", ") : "")));
      list.append(item);
    });
    if (!list.children.length) list.append(make("li", "muted", "nothing found"));
    return list;
  }

  /** A picture in a button that opens it large, with what was found over it. */
  function framed(cases, picture, alt, room, found, open) {
    const button = make("button", "picture");
    button.type = "button";
    button.setAttribute("aria-label", alt + ": magnify");
    const place = make("span", "frame");
    place.append(image(cases, picture, "", room));
    if (found) place.append(overlay(picture, found));
    button.append(place);
    button.addEventListener("click", open);
    return button;
  }

  /** Token codes: a line of numbers, in rows where they make a square. */
  function codes(values, count) {
    const side = Math.sqrt(values.length);
    const square = values.length === count && Number.isInteger(side) && side > 1 && side <= 64;
    const wide = String(values.reduce((most, value) => Math.max(most, value), 0)).length;
    const cell = (value) => String(value).padStart(wide, "\u2007");
    const lines = [];
    for (let at = 0; at < values.length; at += square ? side : values.length) {
      lines.push(values.slice(at, at + (square ? side : values.length)).map(square ? cell : String).join(" "));
    }
    const text = make("pre", square ? "codes grid" : "codes", lines.join("\n"));
    text.tabIndex = 0;
    text.setAttribute("role", "region");
    text.setAttribute("aria-label", "token codes");
    const what = count + " codes" + (values.length < count ? ", the first " + values.length : "");
    const summary = make("summary", "", what + (square ? ", " + side + " \u00d7 " + side : ""));
    return make("details", "more", "", summary, text);
  }

  shared.drawing = { make, image, overlay, legend, framed, codes, scale };
})();

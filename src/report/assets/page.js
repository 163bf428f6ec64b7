// Draws the figures of a page, in the width and the theme at hand. The specification of a figure
// says what is drawn; here only sizes, colours of the paper and the place of the legend change.
"use strict";
(() => {
  const NARROW = 520;           // CSS pixels: below, names stand in a legend
  const CANVAS_MARKS = 20000;   // above, canvas instead of SVG
  const root = document.documentElement;

  // What tests and the curious look at: the Vega view and the rows of every figure by name.
  const iclab = (window.iclab = { views: {}, csv: {}, errors: [] });

  // ---- theme ----
  const stored = (() => {
    try { return localStorage.getItem("iclab-theme"); } catch { return null; }
  })();
  if (stored) root.dataset.theme = stored;
  const preference = matchMedia("(prefers-color-scheme: dark)");
  const dark = () =>
    root.dataset.theme ? root.dataset.theme === "dark" : preference.matches;

  const colours = () => {
    const style = getComputedStyle(root);
    const read = (name) => style.getPropertyValue(name).trim();
    return { ink: read("--ink"), soft: read("--soft"), line: read("--line"), grid: read("--grid") };
  };

  function themed(config) {
    const { ink, soft, line, grid } = colours();
    const result = structuredClone(config);
    result.background = "transparent";
    Object.assign(result.axis, {
      labelColor: soft, titleColor: ink, domainColor: soft, tickColor: soft, gridColor: grid,
    });
    result.legend.labelColor = ink;
    Object.assign(result.header, { labelColor: ink, titleColor: soft });
    result.style.reference.color = soft;
    result.style["reference-word"].color = soft;
    result.style["edge-word"].color = soft;
    result.style.label.color = ink;
    result.aria = false; // the figure has its own words: label, caption and table of checks
    return result;
  }

  // The black of the palette is the ink of the page.
  function inked(value) {
    if (Array.isArray(value)) return value.map(inked);
    if (value && typeof value === "object")
      return Object.fromEntries(Object.entries(value).map(([key, v]) => [key, inked(v)]));
    return value === "#000000" ? colours().ink : value;
  }

  // ---- layout ----
  function fitted(figure, width) {
    const spec = inked(structuredClone(figure.spec));
    delete spec.title; // stands above the figure as a heading
    spec.data.values = figure.csv;
    spec.config = themed(spec.config);
    const { panels, label_letters: letters, legend, legend_entry_width: entry } = spec.usermeta;
    const legendColumns = Math.max(1, Math.floor(width / entry));
    const narrow = width < NARROW;
    const large = figure.element.closest(".headline") !== null;
    if (panels > 0) {
      const columns = Math.max(1, Math.min(spec.columns, Math.floor(width / 230)));
      spec.columns = columns;
      spec.spec.width = Math.floor((width - 70 - 20 * (columns - 1)) / columns);
      spec.spec.height = narrow ? 200 : large ? 300 : 250;
      spec.spec.layer.forEach((layer) => widen(layer, narrow, legendColumns));
      return spec;
    }
    spec.width = width;
    spec.height = narrow ? 270 : large ? 430 : 330;
    spec.autosize = { type: "fit-x", contains: "padding" };
    if (narrow && letters > 0) {
      spec.layer = spec.layer.filter((layer) => !layer.name.startsWith("label"));
      spec.layer.forEach((layer) => {
        for (const channel of ["color", "shape"])
          if (layer.encoding[channel]) layer.encoding[channel].legend = structuredClone(legend);
      });
    }
    spec.layer.forEach((layer) => widen(layer, narrow, legendColumns, width));
    return spec;
  }

  // Legends and ticks for the width at hand.
  function widen(layer, narrow, legendColumns, width = 0) {
    for (const channel of ["color", "shape"]) {
      const legend = layer.encoding[channel]?.legend;
      if (legend) legend.columns = legendColumns;
    }
    const { x, y } = layer.encoding;
    if (x?.axis) {
      if (narrow && x.axis.tickCount) x.axis.tickCount = 4;
      x.axis.labelOverlap = true;
      x.axis.titleLimit = width || 300;
    }
    if (y?.axis) y.axis.titleLimit = width ? width - 12 : 230;
  }

  // ---- drawing ----
  const figures = [...document.querySelectorAll(".figure")].map((element) => {
    const data = JSON.parse(element.querySelector("script").textContent);
    iclab.csv[data.name] = data.csv;
    return { ...data, element, plot: element.querySelector(".plot"), drawn: "" };
  });

  async function draw(figure) {
    const width = Math.floor(figure.plot.clientWidth);
    const state = `${width} ${dark()}`;
    if (width === 0 || figure.drawn === state) return;
    figure.drawn = state;
    const renderer = figure.spec.usermeta.marks > CANVAS_MARKS ? "canvas" : "svg";
    try {
      iclab.views[figure.name]?.finalize();
      const options = { actions: false, renderer };
      const result = await vegaEmbed(figure.plot, fitted(figure, width), options);
      iclab.views[figure.name] = result.view;
    } catch (error) {
      iclab.errors.push(`${figure.name}: ${error.message}`);
      const words = document.createElement("p");
      words.className = "failed";
      words.textContent =
        `This figure could not be drawn (${error.message}). Its numbers are in the table.`;
      figure.plot.replaceChildren(words);
    }
  }

  let drawing = Promise.resolve();
  function draw_all() {
    drawing = drawing.then(async () => {
      for (const figure of figures) await draw(figure);
    });
    iclab.ready = drawing;
  }
  draw_all();

  let waiting = 0;
  addEventListener("resize", () => {
    clearTimeout(waiting);
    waiting = setTimeout(draw_all, 150);
  });
  preference.addEventListener("change", draw_all);
  document.getElementById("theme").addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    try {
      localStorage.setItem("iclab-theme", root.dataset.theme);
    } catch { /* a page without storage forgets */ }
    draw_all();
  });

  // ---- data and files: from the page, which may have travelled without its folder ----
  function save(name, text, type) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  function table_of(csv) {
    const rows = vega.read(csv, { type: "csv" });
    const columns = Object.keys(rows[0] ?? {}).filter((column) =>
      rows.some((row) => row[column] !== ""));
    const table = document.createElement("table");
    const head = table.createTHead().insertRow();
    for (const column of columns) {
      const cell = document.createElement("th");
      cell.scope = "col";
      cell.textContent = column;
      head.append(cell);
    }
    const body = table.createTBody();
    for (const row of rows) {
      const line = body.insertRow();
      for (const column of columns) line.insertCell().textContent = row[column];
    }
    return table;
  }

  for (const figure of figures) {
    const [spec_link, csv_link] = figure.element.querySelectorAll(".files a");
    spec_link.addEventListener("click", (event) => {
      event.preventDefault();
      const spec = structuredClone(figure.spec);
      spec.data.values = figure.csv;
      save(`${figure.name}.vl.json`, JSON.stringify(spec, null, 1), "application/json");
    });
    csv_link.addEventListener("click", (event) => {
      event.preventDefault();
      save(`${figure.name}.csv`, figure.csv, "text/csv");
    });
    const fold = figure.element.querySelector(".data");
    fold.addEventListener("toggle", () => {
      if (!fold.open || fold.querySelector(".scroll")) return;
      const box = document.createElement("div");
      box.className = "scroll";
      box.tabIndex = 0;
      box.append(table_of(figure.csv));
      fold.append(box);
    });
  }

  addEventListener("beforeprint", () => {
    for (const fold of document.querySelectorAll(".more-checks")) fold.open = true;
  });
})();

// Looks at a page of a report in a real browser, headless:
//   node tests/report/browser_check.mjs PAGE.html
// Fails, saying what is wrong, unless: the console is silent; nothing is fetched; every figure is
// drawn; in every figure the theory layer and the measurement layer are not empty and every kind of
// row has as many marks as the CSV (inside the page and beside it) has rows, at 400 and 1400 pixels,
// light and dark, and after the window changed its width; nothing scrolls sideways; every figure has
// its text alternative and unfolds its data; links within the page lead somewhere; the keyboard
// changes the theme; the file is below 4 MB.
import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const LIMIT = 4e6; // bytes of a page
const CHROMIUM = process.env.ICLAB_CHROMIUM ?? "/usr/bin/chromium";
const FLAGS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync",
];

// npm installs into BUILD/npm; any build with tests will do.
function playwright() {
  const repository = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
  const builds = join(repository, "build");
  const places = process.env.ICLAB_NPM ? [resolve(process.env.ICLAB_NPM)] : [];
  if (existsSync(builds))
    for (const name of readdirSync(builds)) places.push(join(builds, name, "npm"));
  for (const place of places)
    if (existsSync(join(place, "node_modules/playwright-core")))
      return createRequire(join(place, "package.json"))("playwright-core");
  throw new Error("playwright-core not found: build the target report_sample first");
}

// Inside the page: how many marks each layer of a figure has; of a line, how many vertices.
function count_marks(name) {
  const counts = {};
  const visit = (mark) => {
    const layer = /^(?:child_)*([a-z_0-9]+)_marks$/.exec(mark.name ?? "");
    if (layer) counts[layer[1]] = (counts[layer[1]] ?? 0) + mark.items.length;
    for (const item of mark.items ?? []) for (const inner of item.items ?? []) visit(inner);
  };
  visit(window.iclab.views[name].scenegraph().root);
  return counts;
}

// Inside the page: how many rows of its CSV each layer should draw.
function count_rows(name) {
  const counts = {};
  const add = (layer) => (counts[layer] = (counts[layer] ?? 0) + 1);
  for (const row of vega.read(window.iclab.csv[name], { type: "csv" })) {
    const never = row.never === "true" ? "_never" : "";
    const rule = row.x === "" ? "_y" : row.y === "" ? "_x" : "";
    add(row.kind + (row.kind === "reference" ? rule : never));
    if (row.kind === "measured" && row.lo !== "") add("interval");
  }
  return counts;
}

async function check_figures(page, folder, where) {
  const { ready, errors, names } = await page.evaluate(async () => {
    await window.iclab.ready;
    const elements = [...document.querySelectorAll(".figure")];
    return {
      ready: elements.every((figure) => figure.querySelector(".plot svg, .plot canvas")),
      errors: window.iclab.errors,
      names: elements.map((figure) => figure.id.replace(/^figure-/, "")),
    };
  });
  assert.deepEqual(errors, [], `${where}: figures that could not be drawn`);
  assert.ok(ready, `${where}: a figure has no drawing`);
  for (const name of names) {
    const marks = await page.evaluate(count_marks, name);
    const rows = await page.evaluate(count_rows, name);
    const measured = ["measured", "seed", "bar", "measured_never", "seed_never"];
    const here = `${where}: figure ${name}`;
    assert.ok(rows.theory > 0, `${here}: no row of theory`);
    assert.ok(measured.some((layer) => rows[layer] > 0), `${here}: no row of measurement`);
    for (const [layer, count] of Object.entries(rows))
      assert.equal(marks[layer] ?? 0, count, `${here}: marks of layer ${layer} against rows`);
    const beside = join(folder, "figures", `${name}.csv`);
    const inside = await page.evaluate((figure) => window.iclab.csv[figure], name);
    if (existsSync(beside))
      assert.equal(readFileSync(beside, "utf8"), inside, `${here}: CSV beside the page`);
  }
  return names.length;
}

async function no_sideways_scroll(page, where) {
  const [content, window_width] = await page.evaluate(() => [
    document.documentElement.scrollWidth, document.documentElement.clientWidth,
  ]);
  assert.ok(content <= window_width, `${where}: ${content} pixels of content in ${window_width}`);
}

// What a table says in words for a figure, and what the keyboard reaches.
async function check_access(page) {
  const lost = await page.evaluate(() =>
    [...document.querySelectorAll("[aria-describedby], [aria-labelledby]")]
      .flatMap((element) =>
        ["aria-describedby", "aria-labelledby"].map((name) => element.getAttribute(name)))
      .filter((id) => id && !document.getElementById(id)));
  assert.deepEqual(lost, [], "text alternatives that point nowhere");
  const mute = await page.evaluate(() =>
    [...document.querySelectorAll(".plot")]
      .filter((plot) => !plot.getAttribute("aria-label")).length);
  assert.equal(mute, 0, "figures without a name");
  const broken = await page.evaluate(() =>
    [...document.querySelectorAll('a[href^="#"]')]
      .map((link) => link.getAttribute("href").slice(1))
      .filter((id) => !document.getElementById(id)));
  assert.deepEqual(broken, [], "links within the page that lead nowhere");
  const tables = await page.evaluate(async () => {
    const wrong = [];
    for (const figure of document.querySelectorAll(".figure")) {
      const name = figure.id.replace(/^figure-/, "");
      figure.querySelector(".data").open = true;
      await new Promise((done) => setTimeout(done, 50));
      const shown = figure.querySelectorAll(".data tbody tr").length;
      const rows = vega.read(window.iclab.csv[name], { type: "csv" }).length;
      if (shown !== rows) wrong.push(`${name}: ${shown} of ${rows} rows`);
    }
    return wrong;
  });
  assert.deepEqual(tables, [], "figures whose data do not unfold");
  const button = page.locator("#theme");
  const before = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  await button.focus();
  await page.keyboard.press("Enter");
  await page.evaluate(() => window.iclab.ready);
  const after = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  assert.notEqual(after, before, "the button does not change the theme");
  await page.keyboard.press("Enter");
}

async function check_page(file) {
  const path = resolve(file);
  const size = statSync(path).size;
  assert.ok(size < LIMIT, `${size} bytes, at most ${LIMIT} are accepted`);

  const browser = await playwright().chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
  const noise = [];
  let figures = 0;
  try {
    const looks = [[1400, "light"], [400, "dark"], [1400, "dark"], [400, "light"]];
    for (const [width, colorScheme] of looks) {
      const where = `${width} pixels, ${colorScheme}`;
      const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
      page.on("console", (message) =>
        noise.push(`${where}: console ${message.type()}: ${message.text()}`));
      page.on("pageerror", (error) => noise.push(`${where}: ${error.message}`));
      page.on("request", (request) => {
        const url = request.url();
        if (url !== pathToFileURL(path).href) noise.push(`${where}: fetched ${url}`);
      });
      await page.goto(pathToFileURL(path).href);
      figures = await check_figures(page, dirname(path), where);
      await no_sideways_scroll(page, where);
      if (width === 1400 && colorScheme === "light") await check_access(page);
      // A window that changes its width draws its figures anew.
      for (const changed of width === 400 && colorScheme === "dark" ? [560, 760, 960] : []) {
        await page.setViewportSize({ width: changed, height: 900 });
        await page.waitForTimeout(300);
        await check_figures(page, dirname(path), `from 400 to ${changed} pixels`);
        await no_sideways_scroll(page, `from 400 to ${changed} pixels`);
      }
      await page.close();
    }
  } finally {
    await browser.close();
  }
  assert.deepEqual(noise, [], "the page is not silent");
  return { figures, size };
}

const files = process.argv.slice(2);
if (files.length === 0) {
  console.error("usage: node tests/report/browser_check.mjs PAGE.html...");
  process.exit(2);
}
for (const file of files) {
  try {
    const { figures, size } = await check_page(file);
    console.log(`${file}: ${figures} figures, ${(size / 1e6).toFixed(2)} MB: ok`);
  } catch (error) {
    console.error(`${file}: ${error.message}`);
    process.exitCode = 1;
  }
}

// Looks at a report in headless Chromium: accessibility (axe-core), console messages, requests, width, the search.
//
//   npm install --prefix /tmp/check axe-core puppeteer-core
//   node scripts/check_report.mjs REPORT_DIR /tmp/check [PICTURES_DIR]
//
// Ends with 1 when anything is wrong. CHROMIUM names the browser, else /usr/bin/chromium. With PICTURES_DIR, pictures
// of the first page and its print are written there.

import { readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [folder, modules, pictures] = process.argv.slice(2);
if (!folder || !modules) {
  console.error("usage: node scripts/check_report.mjs REPORT_DIR MODULES_DIR [PICTURES_DIR]");
  process.exit(2);
}
const require = createRequire(join(resolve(modules), "node_modules", "x.js"));
const puppeteer = require("puppeteer-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const WIDTHS = [1280, 375];
const SCHEMES = ["light", "dark"];
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const MOST_PAGES = 6; // of each kind
const TOO_SLOW_MS = 15_000;

let wrong = 0;

function tell(page, what) {
  wrong += 1;
  console.log(`  WRONG ${page}: ${what}`);
}

function pagesOf(root) {
  const some = (names, at) => names.filter((name) => name.endsWith(".html")).sort().slice(0, MOST_PAGES)
    .map((name) => join(at, name));
  return [...some(readdirSync(root), ""), ...some(readdirSync(join(root, "sightings")), "sightings")];
}

async function opened(browser, name, width, scheme) {
  const page = await browser.newPage();
  await page.setViewport({ width, height: 900, isMobile: width < 600 });
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
  page.on("console", (message) => {
    if (["error", "warn"].includes(message.type())) tell(name, `console: ${message.text()}`);
  });
  page.on("pageerror", (error) => tell(name, `script: ${error.message}`));
  page.on("requestfailed", (request) => tell(name, `could not load ${request.url().slice(0, 200)}`));
  page.on("request", (request) => {
    if (!/^(file|data):/.test(request.url())) tell(name, `asks the network for ${request.url()}`);
  });
  await page.goto(pathToFileURL(join(resolve(folder), name)).href, { timeout: TOO_SLOW_MS });
  return page;
}

async function checkPage(browser, name, width, scheme) {
  const page = await opened(browser, name, width, scheme);
  const wider = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  if (wider > 0) tell(name, `is ${wider} px wider than a screen of ${width} px`);
  await page.evaluate(axe);
  const result = await page.evaluate((values) => window.axe.run(document, { runOnly: { type: "tag", values } }), RULES);
  for (const violation of result.violations) {
    const example = violation.nodes[0];
    tell(name, `${violation.id} (${violation.impact}), ${violation.nodes.length} times: ${violation.help}; ${example.html.slice(0, 160)}`);
  }
  const loaded = await page.evaluate(() => Math.round(performance.getEntriesByType("navigation")[0].loadEventEnd));
  console.log(`${name} ${width} px ${scheme}: ${result.violations.length} violations, ${result.passes.length} rules passed, `
    + `${result.incomplete.length} to look at, loaded in ${loaded} ms`);
  await page.close();
}

async function checkSearch(browser) {
  const page = await opened(browser, "index.html", 1280, "light");
  if (!(await page.$("#search"))) return page.close();
  const count = () => page.$eval("#count", (element) => element.textContent);
  const all = await count();
  await page.keyboard.press("Tab");
  const first = await page.evaluate(() => document.activeElement.textContent);
  if (!first.startsWith("Skip")) tell("index.html", `the first stop of the Tab key is ${first}`);
  const text = await page.$$eval("#cards .plate", (found) => found[0]?.textContent ?? "");
  if (text) {
    await page.focus("#q");
    await page.keyboard.type(text.slice(1));
    const shown = await page.$$eval("#cards .plate", (found) => found[0]?.textContent ?? "");
    if (shown !== text) tell("index.html", `a search for ${text.slice(1)} shows ${shown} instead of ${text}`);
    console.log(`search for ${text.slice(1)}: ${await count()}`);
    await page.$eval("#search button[type=reset]", (button) => button.click());
    await page.waitForFunction((before) => document.getElementById("count").textContent === before, {}, all);
  }
  return page.close();
}

async function takePictures(browser) {
  for (const width of WIDTHS) {
    const page = await opened(browser, "index.html", width, "light");
    await page.screenshot({ path: join(pictures, `report-${width}.png`) });
    if (width === WIDTHS[0]) await page.pdf({ path: join(pictures, "report.pdf"), format: "A4" });
    await page.close();
  }
}

const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
const browser = await puppeteer.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
try {
  for (const name of pagesOf(folder)) {
    for (const width of WIDTHS) for (const scheme of SCHEMES) await checkPage(browser, name, width, scheme);
  }
  await checkSearch(browser);
  if (pictures) await takePictures(browser);
} finally {
  await browser.close();
}
console.log(wrong ? `${wrong} things are wrong` : "nothing is wrong");
process.exit(wrong ? 1 : 0);

// Every page in Chromium, in both languages, wide and narrow: accessibility, overflow, behaviour, screenshots.
//
//   node browser_test.mjs URL OUT    URL: of a web_demo_server; OUT: folder of the screenshots
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

const [base, out] = process.argv.slice(2);
const axe = fs.readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const CHROMIUM = process.env.KOEVAL_CHROMIUM || '/usr/bin/chromium';
const WIDTHS = [1280, 390];
const LANGUAGES = ['en', 'ko'];
const PAGES = {
  leaderboard: '/',
  'leaderboard-filtered': '/?q=model-1&flagged=1&settings=chat&sort=score%3AKo-ARC&order=desc&rows=50',
  'leaderboard-settings': '/?settings=chat&col=average&col=settings',
  'leaderboard-empty': '/?suite=toy&q=nothing-like-this',
  queue: '/queue',
  'queue-failed': '/queue?state=failed',
  'request-finished': '/requests/r-0',
  'request-failed': '/requests/failed-0',
  'request-running': '/requests/running',
  'request-infeasible': '/requests/failed-1',
  'request-pending': '/requests/pending-0',
  submit: '/submit',
  about: '/about',
  missing: '/nothing',
};
const failures = [];

function expect(ok, what) {
  if (!ok) failures.push(what);
}

async function checkAccessibility(page, where) {
  // By the protocol, since the pages' own policy lets no other script in.
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run(document, {
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'],
  }));
  for (const found of violations) {
    const line = `${where}: ${found.id} (${found.impact}): ${found.nodes[0].html.slice(0, 160)}`;
    if (['serious', 'critical'].includes(found.impact)) failures.push(line);
    else console.log(`note: ${line}`);
  }
}

async function lookAtPages(browser) {
  for (const language of LANGUAGES) {
    for (const width of WIDTHS) {
      for (const scheme of ['light', 'dark']) {
        const context = await browser.newContext({
          locale: language === 'ko' ? 'ko-KR' : 'en-US', viewport: { width, height: 900 }, colorScheme: scheme, bypassCSP: false,
        });
        const page = await context.newPage();
        const errors = [];
        page.on('console', (message) => { if (message.type() === 'error') errors.push(message.text()); });
        page.on('pageerror', (error) => errors.push(String(error)));
        for (const [name, url] of Object.entries(PAGES)) {
          const where = `${name} ${language} ${width} ${scheme}`;
          errors.length = 0;
          await page.goto(base + url, { waitUntil: 'load' });
          expect((await page.getAttribute('html', 'lang')) === language, `${where}: wrong language`);
          const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
          expect(wide <= 0, `${where}: ${wide} px wider than the window`);
          const noise = errors.filter((text) => !(name === 'missing' && text.includes('404')));
          expect(noise.length === 0, `${where}: ${noise.join('; ')}`);
          await checkAccessibility(page, where);
          await page.screenshot({ path: path.join(out, `${name}-${language}-${width}-${scheme}.png`) });
        }
        await context.close();
      }
    }
  }
}

async function useLeaderboard(browser) {
  const page = await browser.newPage({ locale: 'en-US' });
  await page.goto(base + '/');
  await page.fill('[name=q]', 'model-1234');
  await page.waitForFunction(() => document.querySelectorAll('#results tbody tr').length === 1);
  expect(page.url().includes('q=model-1234'), 'the filter is not in the address');
  await page.click('th:has-text("Ko-ARC") a');
  await page.waitForLoadState();
  expect((await page.getAttribute('th[aria-sort]', 'aria-sort')) === 'descending', 'the header does not sort');
  expect(page.url().includes('q=model-1234'), 'sorting loses the filter');
  await page.click('.languages a[lang=ko]');
  await page.waitForLoadState();
  expect((await page.getAttribute('html', 'lang')) === 'ko', 'the switch does not switch');
  await page.goto(base + '/queue');
  expect((await page.getAttribute('html', 'lang')) === 'ko', 'the language is not remembered');
  await page.close();
}

async function useKeyboard(browser) {
  const page = await browser.newPage({ locale: 'en-US' });
  await page.goto(base + '/');
  await page.keyboard.press('Tab');
  expect((await page.evaluate(() => document.activeElement.className)) === 'skip', 'Tab does not reach the skip link first');
  await page.keyboard.press('Enter');
  expect(page.url().endsWith('#main'), 'the skip link leads nowhere');
  await page.close();
}

async function submitWithoutScripts(browser) {
  const context = await browser.newContext({ javaScriptEnabled: false, locale: 'en-US' });
  const page = await context.newPage();
  await page.goto(base + '/submit');
  await page.fill('[name=model]', 'org/broken');
  await page.click('button[value=submit]');
  expect((await page.textContent('#outcome')).includes('BAD_CHECKPOINT'), 'findings are not shown');
  expect((await page.inputValue('[name=model]')) === 'org/broken', 'the form forgets what was typed');
  await page.screenshot({ path: path.join(out, 'submit-refused-en.png') });
  await page.fill('[name=model]', 'org/from-a-browser');
  await page.selectOption('[name=suite]', 'toy');
  await page.click('button[value=check]');
  expect((await page.textContent('#outcome')).includes('It would wait for a slot'), 'a check does not tell the placement');
  await page.screenshot({ path: path.join(out, 'submit-checked-en.png') });
  await page.click('button[value=submit]');
  expect(page.url().includes('/requests/w-'), 'a good model does not get into the queue');
  expect((await page.textContent('h1')).includes('org/from-a-browser'), 'the request page shows another model');
  await context.close();
}

async function followQueue(browser) {
  const page = await browser.newPage({ locale: 'en-US' });
  await page.goto(base + '/queue?state=pending');
  await page.waitForSelector('.live-note:not([hidden])');
  const answer = await fetch(base + '/api/v1/requests', {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ model: 'org/appears-by-itself', suite: 'toy' }),
  });
  expect(answer.status === 201, `submitting by the API gives ${answer.status}`);
  await page.waitForSelector('text=org/appears-by-itself', { timeout: 20000 });
  await page.close();
}

const profile = fs.mkdtempSync(path.join(os.tmpdir(), 'koeval-chromium-'));
const fonts = process.env.KOEVAL_FONTS;
if (fonts && fs.existsSync(fonts)) fs.symlinkSync(fonts, path.join(profile, '.fonts'));
const browser = await chromium.launch({
  executablePath: CHROMIUM,
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'],
  env: { ...process.env, HOME: profile },
});
try {
  await lookAtPages(browser);
  for (const use of [useLeaderboard, useKeyboard, submitWithoutScripts, followQueue]) {
    try {
      await use(browser);
    } catch (error) {
      failures.push(`${use.name}: ${error.message}`);
    }
  }
} finally {
  await browser.close();
  fs.rmSync(profile, { recursive: true, force: true });
}
for (const failure of failures) console.log(`FAILED: ${failure}`);
console.log(failures.length ? `${failures.length} failures` : 'passed');
process.exit(failures.length ? 1 : 0);
